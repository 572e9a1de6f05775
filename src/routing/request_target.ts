/** Takes a request's path and query out of what the server hands over, exactly as the client sent them. */

/** The path begins with a slash; the query comes without its `?`. Neither is decoded or normalised. */
export interface RequestTarget {
  readonly path: string;
  readonly query: string;
}

/** A target that is never forwarded, and why. */
export interface RefusedTarget {
  readonly refused: string;
}

/**
 * Reads the request target. The server builds `url` by writing the Host header before the path without looking
 * at either, so `Host: a/openai` would move the path: such a host is refused. So is every path that an upstream
 * might resolve to another one.
 */
export function parseRequestTarget(url: string, host: string | null): RequestTarget | RefusedTarget {
  if (host !== null && /[/?#\\@\s]/.test(host)) return { refused: "The Host header is not a host name." };
  const authority = url.indexOf("://") + 3;
  const rest = url.slice(authority).search(/[/?#]/);
  const text = rest === -1 ? "/" : url.slice(authority + rest);
  if (text.includes("#")) return { refused: "The request target holds a fragment (#)." };
  const mark = text.indexOf("?");
  const path = mark === -1 ? text : text.slice(0, mark);
  const refused = refusedPath(path);
  if (refused !== undefined) return { refused };
  return { path: path === "" ? "/" : path, query: mark === -1 ? "" : text.slice(mark + 1) };
}

/** Most paths hold nothing that needs a closer look. */
const SUSPICIOUS = /[%\\]|\/\.|[^\x21-\x7e]/;

function refusedPath(path: string): string | undefined {
  if (!SUSPICIOUS.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return "The path holds an invalid percent-encoding.";
  }
  if (decoded.includes("\\")) return "The path holds a backslash.";
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(decoded)) return "The path holds a control character.";
  // Some servers cut a segment's parameters (`..;x`) off before they resolve it.
  if (decoded.split("/").some((segment) => /^\.\.?(?:;|$)/.test(segment))) {
    return "The path holds a segment that means this or the parent folder.";
  }
  return undefined;
}
