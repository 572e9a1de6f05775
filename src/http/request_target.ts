/** Takes path and query out of a request target, exactly as the client sent them (RFC 9112, 3.2). */

/** The path and the query of a request. Neither is decoded or normalised. */
export interface RequestTarget {
  /** Begins with a slash. Empty where the target is refused. */
  readonly path: string;
  /** Without its `?`. Empty where there is none. */
  readonly query: string;
  /** Why the target is never forwarded. Undefined: the target is valid. */
  readonly refused: string | undefined;
}

/** Reads a request target. It refuses every path that an upstream might resolve to another path. */
export function parseRequestTarget(target: string): RequestTarget {
  const text = target.startsWith("/") ? target : absoluteFormPath(target);
  if (text === undefined) return refusedTarget("The request target is not a path.");
  if (text.includes("#")) return refusedTarget("The request target holds a fragment (#).");
  const mark = text.indexOf("?");
  const path = mark === -1 ? text : text.slice(0, mark);
  const refused = refusedPath(path);
  if (refused !== undefined) return refusedTarget(refused);
  const query = mark === -1 ? "" : text.slice(mark + 1);
  return { path: path === "" ? "/" : path, query, refused: undefined };
}

function refusedTarget(refused: string): RequestTarget {
  return { path: "", query: "", refused };
}

/** What follows the authority of `http://host/path`; the host itself is never looked at. */
function absoluteFormPath(target: string): string | undefined {
  const authority = /^https?:\/\/[^/?#]+/i.exec(target)?.[0];
  return authority && target.slice(authority.length);
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

/** Letters, digits and the four marks that need no encoding (RFC 3986, 2.3). */
const ENCODED_PLAIN = /%(?:2[de]|3[0-9]|[46][1-9a-f]|5f|[57][0-9a]|7e)/i;

/**
 * What lets a path be read as another one by a server that decodes, merges or cuts it further, as the end of a
 * sentence; undefined: there is one reading only.
 */
export function ambiguityOf(path: string): string | undefined {
  if (path.includes("//")) return "two slashes in a row";
  if (path.includes(";")) return "a parameter of a segment (;)";
  if (ENCODED_PLAIN.test(path)) return "an encoded letter or digit";
  return /%25/.test(path) ? "an encoded percent sign" : undefined;
}
