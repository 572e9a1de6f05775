/** The part of a base URL that paths depend on. */
interface BasePath {
  /** The path without a slash at its end. Empty for a bare host. */
  readonly path: string;
  /**
   * The scheme, host and port, by which the folders of a provider are known. `undefined` if they do not
   * matter.
   */
  readonly origin?: string;
  /**
   * Folders next to the folder of the version, as in `BaseUrl`. `undefined` means the known folders of the
   * origin.
   */
  readonly besideVersion?: readonly string[];
}

/** A version in the paths of providers, such as `v1`, `v1beta` and `v2alpha1`. */
const VERSION_SEGMENT = /^v\d+(?:(?:alpha|beta)\d*)?$/;

/** The version that clients of OpenAI's API write for each provider. */
const USUAL_VERSION = "/v1";
/** The folder for OpenAI's API at providers that also have another API. */
const OPENAI_FOLDER = "/openai";

/** Folders that a provider has next to the folder of the version, and not inside it. */
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
 * Joins the path of the base URL and the rest of the client's path, byte for byte.
 *
 * If the base ends in a version and the rest begins with the same version, the result has the version once.
 * So a base URL works with and without its version. The same applies to longer ends of the base with a
 * version: Groq's SDK adds `/openai/v1` to each path.
 *
 * Folders that a provider has next to its version replace the version. `/v1` in the rest is replaced if the
 * base ends in another version, such as `/v4` of Z.ai, or in `/openai` below a version.
 */
export function joinPath(base: BasePath, rest: string): string {
  const path = baseOf(base, rest) + rest.slice(repeatedLength(base.path, rest));
  return path === "" ? "/" : path;
}

/** Returns the part of the base path that comes before the rest. */
function baseOf({ path, origin = "", besideVersion }: BasePath, rest: string): string {
  const folders = besideVersion ?? BESIDE_VERSION[origin];
  if (folders === undefined || !folders.some((folder) => beginsWith(rest, folder))) return path;
  const start = path.lastIndexOf("/");
  return start !== -1 && VERSION_SEGMENT.test(path.slice(start + 1)) ? path.slice(0, start) : path;
}

/** Returns how much of the beginning of the rest repeats the end of the base path, in characters. */
function repeatedLength(path: string, rest: string): number {
  if (path === "") return 0;
  if (beginsWith(rest, path)) return path.length;
  if (!endsInVersion(path)) {
    return isOpenAiFolder(path) && beginsWith(rest, USUAL_VERSION) ? USUAL_VERSION.length : 0;
  }
  // The longest repeated part counts: the rest may repeat `/x/openai/v1` as `/openai/v1` or as `/v1`.
  for (let start = path.indexOf("/", 1); start !== -1; start = path.indexOf("/", start + 1)) {
    if (beginsWith(rest, path.slice(start))) return path.length - start;
  }
  return beginsWith(rest, USUAL_VERSION) ? USUAL_VERSION.length : 0;
}

function endsInVersion(path: string): boolean {
  return VERSION_SEGMENT.test(path.slice(path.lastIndexOf("/") + 1));
}

/** Whether a path ends in a folder for OpenAI's API below a version, such as `/v1beta/openai`. */
function isOpenAiFolder(path: string): boolean {
  return path.endsWith(OPENAI_FOLDER) && endsInVersion(path.slice(0, -OPENAI_FOLDER.length));
}

/** Whether a path is a folder, or is in the folder. */
function beginsWith(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === "/");
}

/**
 * Returns the path at the backend, byte for byte, without the path of the base URL but with its version. It
 * is `/v1/models` for each way of writing the base URL and the path. Empty if no path remains.
 */
export function versionedPath(base: BasePath, rest: string): string {
  const start = base.path.lastIndexOf("/");
  const hasVersion = start !== -1 && VERSION_SEGMENT.test(base.path.slice(start + 1));
  return joinPath(base, rest).slice(hasVersion ? start : base.path.length);
}

/**
 * Removes all parameters with a name from a raw query. The other parameters stay unchanged, byte for byte.
 */
export function withoutParameter(query: string, name: string): string {
  // The name of a parameter may be percent-encoded, and a parameter may have no value.
  if (query === "") return query;
  return query.split("&").filter((pair) => parameterName(pair) !== name).join("&");
}

/** Replaces the value of every parameter with a name in a raw query. */
export function withParameter(query: string, name: string, value: string): string {
  return query.split("&")
    .map((pair) => parameterName(pair) === name ? `${name}=${encodeURIComponent(value)}` : pair).join("&");
}

/**
 * Decodes the name of a parameter in the same way as the reader of credentials. So every parameter that this
 * reader finds is removed. A query may begin with a second question mark. All names that callers pass are
 * ASCII, so each byte is one character.
 */
function parameterName(pair: string): string {
  const end = pair.indexOf("=");
  const name = pair.slice(pair.startsWith("?") ? 1 : 0, end === -1 ? pair.length : end);
  if (!name.includes("%") && !name.includes("+")) return name;
  return name.replaceAll("+", " ")
    .replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}
