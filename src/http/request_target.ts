/** Reads the path and the query of a request target, byte for byte (RFC 9112, 3.2). */

/** The path and the query of a request. They are neither decoded nor normalised. */
export interface RequestTarget {
  /** The path, which begins with a slash. Empty if the target is rejected. */
  readonly path: string;
  /** The query without its `?`. It may be empty. */
  readonly query: string;
  /** Why the target is rejected, as a sentence for the client. `undefined` if the target is valid. */
  readonly rejection: string | undefined;
}

/** Reads a request target. Rejects every path that an upstream could resolve to another path. */
export function parseRequestTarget(target: string): RequestTarget {
  const text = target.startsWith("/") ? target : absoluteFormPath(target);
  if (text === undefined) return invalidTarget("The request target is not a path.");
  if (text.includes("#")) return invalidTarget("The request target contains a fragment (#).");
  const mark = text.indexOf("?");
  const path = mark === -1 ? text : text.slice(0, mark);
  const rejection = pathRejection(path);
  if (rejection !== undefined) return invalidTarget(rejection);
  const query = mark === -1 ? "" : text.slice(mark + 1);
  return { path: path === "" ? "/" : path, query, rejection: undefined };
}

function invalidTarget(rejection: string): RequestTarget {
  return { path: "", query: "", rejection };
}

/** Returns the part of `http://host/path` after the host. The proxy never uses the host. */
function absoluteFormPath(target: string): string | undefined {
  const authority = /^https?:\/\/[^/?#]+/i.exec(target)?.[0];
  return authority && target.slice(authority.length);
}

/** Characters that need a further check. Most paths contain none of them. */
const SUSPICIOUS = /[%\\]|\/\.|[^\x21-\x7e]/;

function pathRejection(path: string): string | undefined {
  if (!SUSPICIOUS.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return "The path contains an invalid percent-encoding.";
  }
  if (decoded.includes("\\")) return "The path contains a backslash.";
  // deno-lint-ignore no-control-regex -- it searches for control characters
  if (/[\x00-\x1f\x7f]/.test(decoded)) return "The path contains a control character.";
  // Some servers remove the parameters of a segment (`..;x`) before they resolve it.
  if (decoded.split("/").some((segment) => /^\.\.?(?:;|$)/.test(segment))) {
    return "The path contains a segment . or ...";
  }
  return undefined;
}

/** Letters, digits and the four marks that need no encoding (RFC 3986, 2.3). */
const ENCODED_PLAIN = /%(?:2[de]|3[0-9]|[46][1-9a-f]|5f|[57][0-9a]|7e)/i;

/**
 * Returns why a server could read a path as another path, because it decodes, merges or cuts paths. The
 * result is a noun phrase. `undefined` if every server reads the path in the same way.
 */
export function ambiguityOf(path: string): string | undefined {
  if (path.includes("//")) return "two slashes in a row";
  if (path.includes(";")) return "a parameter of a segment (;)";
  if (ENCODED_PLAIN.test(path)) return "an encoded letter or digit";
  return /%25/.test(path) ? "an encoded percent sign" : undefined;
}
