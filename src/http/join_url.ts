/** The base URL, as far as paths depend on it. */
interface BasePath {
  /** The path without a slash at its end. Empty for a bare host. */
  readonly path: string;
  /** Scheme, host and port, by which the folders of a provider are known. `undefined` if none are known. */
  readonly origin?: string;
  /** Folders beside the version, as in `BaseUrl`. If `undefined`, the known folders of the origin. */
  readonly besideVersion?: readonly string[];
}

/** A version in the paths of providers, such as `v1`, `v1beta` and `v2alpha1`. */
const VERSION_SEGMENT = /^v\d+(?:(?:alpha|beta)\d*)?$/;

/** The version that clients of OpenAI's API write for each provider. */
const USUAL_VERSION = "/v1";
/** The folder of providers that have OpenAI's API beside another one. */
const OPENAI_FOLDER = "/openai";

/** Folders that a provider has beside the folder of the version, and not in it. */
const BESIDE_VERSION: Readonly<Record<string, readonly string[]>> = {
  // Anthropic's API is at /anthropic/v1/messages, and some functions of the OpenAI API are at
  // /beta/completions.
  "https://api.deepseek.com": ["/anthropic", "/beta"],
  "https://api.moonshot.ai": ["/anthropic"],
  "https://api.moonshot.cn": ["/anthropic"],
  "https://api.minimax.io": ["/anthropic"],
  // Files are uploaded to /upload/v1beta/files.
  "https://generativelanguage.googleapis.com": ["/upload"],
};

/**
 * Joins the path of the base URL and the rest of the client's path, byte for byte. If the base ends in a
 * version and the rest begins with it, the result has the version once, so that both ways of writing a base
 * URL work. The same applies to the whole path of the base, and to its last segments with a version: Groq's
 * SDK adds `/openai/v1` to each path. Folders that a provider has beside its version replace the version. A
 * base that ends in another version, or in `/openai` below a version, replaces `/v1`: Z.ai's base ends in
 * `/v4`.
 */
export function joinPath(base: BasePath, rest: string): string {
  const path = baseOf(base, rest) + rest.slice(repeatedLength(base.path, rest));
  return path === "" ? "/" : path;
}

/** The path of the base that comes before the rest. */
function baseOf({ path, origin = "", besideVersion }: BasePath, rest: string): string {
  const folders = besideVersion ?? BESIDE_VERSION[origin];
  if (folders === undefined || !folders.some((folder) => beginsWith(rest, folder))) return path;
  const start = path.lastIndexOf("/");
  return start !== -1 && VERSION_SEGMENT.test(path.slice(start + 1)) ? path.slice(0, start) : path;
}

/** How much of the beginning of the rest repeats the end of the base path. */
function repeatedLength(path: string, rest: string): number {
  if (path === "") return 0;
  if (beginsWith(rest, path)) return path.length;
  if (!endsInVersion(path)) {
    return isOpenAiFolder(path) && beginsWith(rest, USUAL_VERSION) ? USUAL_VERSION.length : 0;
  }
  // The longest part counts: `/x/openai/v1` may be repeated as `/openai/v1` or as `/v1`.
  for (let start = path.indexOf("/", 1); start !== -1; start = path.indexOf("/", start + 1)) {
    if (beginsWith(rest, path.slice(start))) return path.length - start;
  }
  return beginsWith(rest, USUAL_VERSION) ? USUAL_VERSION.length : 0;
}

function endsInVersion(path: string): boolean {
  return VERSION_SEGMENT.test(path.slice(path.lastIndexOf("/") + 1));
}

/** Whether a path is a folder for OpenAI's API below a version: `/v1beta/openai`. */
function isOpenAiFolder(path: string): boolean {
  return path.endsWith(OPENAI_FOLDER) && endsInVersion(path.slice(0, -OPENAI_FOLDER.length));
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
