/** The path of a base address: no slash at its end, empty for a bare host. */
interface BasePath {
  readonly path: string;
}

/** `v1`, `v1beta`, `v2alpha1`: how providers name a version in a path. */
const VERSION_SEGMENT = /^v\d+(?:(?:alpha|beta)\d*)?$/;

/**
 * The path at the backend: the base's path and what is left of the client's, byte for byte. Where the base ends
 * in a version and the rest begins with the same one, it stands once, so that both ways of writing a base URL work.
 * So does the base's whole path: Groq's SDK puts `/openai/v1` into each path by itself.
 */
export function joinPath(base: BasePath, rest: string): string {
  const version = base.path.slice(base.path.lastIndexOf("/") + 1);
  const begins = (repeated: string): boolean => rest === repeated || rest.startsWith(`${repeated}/`);
  let kept = rest;
  if (VERSION_SEGMENT.test(version)) {
    const repeated = [`/${version}`, base.path].find(begins);
    if (repeated !== undefined) kept = rest.slice(repeated.length);
  }
  const path = base.path + kept;
  return path === "" ? "/" : path;
}

/**
 * The path at the backend without its base, but with the version at the base's end: `/v1/models` for both ways of
 * writing a base URL and a path, byte for byte. Empty where nothing is left.
 */
export function versionedPath(base: BasePath, rest: string): string {
  const start = base.path.lastIndexOf("/");
  const hasVersion = start !== -1 && VERSION_SEGMENT.test(base.path.slice(start + 1));
  return joinPath(base, rest).slice(hasVersion ? start : base.path.length);
}

/** The raw query without the parameters of that name; everything else stays as it was written. */
export function withoutParameter(query: string, name: string): string {
  // A name may be written in percent-encoding, also without a value.
  if (query === "") return query;
  return query.split("&").filter((pair) => parameterName(pair) !== name).join("&");
}

/** The raw query with another value for every parameter of that name. */
export function withParameter(query: string, name: string, value: string): string {
  return query.split("&")
    .map((pair) => parameterName(pair) === name ? `${name}=${encodeURIComponent(value)}` : pair).join("&");
}

/**
 * Decoded as the credential's reader decodes it, so that what one finds the other removes: a query may begin with
 * another question mark. Only names of ASCII are asked for, so that each byte may stand for a character.
 */
function parameterName(pair: string): string {
  const end = pair.indexOf("=");
  const name = pair.slice(pair.startsWith("?") ? 1 : 0, end === -1 ? pair.length : end);
  if (!name.includes("%") && !name.includes("+")) return name;
  return name.replaceAll("+", " ")
    .replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}
