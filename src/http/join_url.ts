/** The path of a base URL, without a slash at its end. Empty for a bare host. */
interface BasePath {
  readonly path: string;
}

/** A version in the paths of providers, such as `v1`, `v1beta` and `v2alpha1`. */
const VERSION_SEGMENT = /^v\d+(?:(?:alpha|beta)\d*)?$/;

/**
 * Joins the path of the base URL and the rest of the client's path, byte for byte. If the base ends in a
 * version and the rest begins with it, the result has the version once, so that both ways of writing a base
 * URL work. The same goes for the whole path of the base: Groq's SDK adds `/openai/v1` to each path.
 */
export function joinPath(base: BasePath, rest: string): string {
  const version = base.path.slice(base.path.lastIndexOf("/") + 1);
  let kept = rest;
  if (VERSION_SEGMENT.test(version)) {
    if (beginsWith(rest, `/${version}`)) kept = rest.slice(version.length + 1);
    else if (beginsWith(rest, base.path)) kept = rest.slice(base.path.length);
  }
  const path = base.path + kept;
  return path === "" ? "/" : path;
}

/** Whether a path is a folder, or lies in it. */
function beginsWith(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === "/");
}

/**
 * The path at the backend without the path of the base URL, but with its version: `/v1/models` for both ways
 * of writing a base URL and a path, byte for byte. Empty where no path remains.
 */
export function versionedPath(base: BasePath, rest: string): string {
  const start = base.path.lastIndexOf("/");
  const hasVersion = start !== -1 && VERSION_SEGMENT.test(base.path.slice(start + 1));
  return joinPath(base, rest).slice(hasVersion ? start : base.path.length);
}

/** Removes all parameters of a name from a raw query. The other parameters stay byte for byte. */
export function withoutParameter(query: string, name: string): string {
  // A name may be written in percent-encoding, also without a value.
  if (query === "") return query;
  return query.split("&").filter((pair) => parameterName(pair) !== name).join("&");
}

/** Replaces the value of every parameter of a name in a raw query. */
export function withParameter(query: string, name: string, value: string): string {
  return query.split("&")
    .map((pair) => parameterName(pair) === name ? `${name}=${encodeURIComponent(value)}` : pair).join("&");
}

/**
 * Decodes a name in the same way as the reader of credentials, so that a parameter which that reader finds is
 * removed. A query may begin with a second question mark. All names that callers pass are ASCII, so each byte
 * is one character.
 */
function parameterName(pair: string): string {
  const end = pair.indexOf("=");
  const name = pair.slice(pair.startsWith("?") ? 1 : 0, end === -1 ? pair.length : end);
  if (!name.includes("%") && !name.includes("+")) return name;
  return name.replaceAll("+", " ")
    .replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}
