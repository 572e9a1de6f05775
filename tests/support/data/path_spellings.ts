/** Ways to write a path that some server takes for that path. */

/** Spellings of a path, each as a function of the path, by a name for people. */
export const PATH_SPELLINGS: Readonly<Record<string, (path: string) => string>> = {
  "as it is": (path) => path,
  "in capitals": (path) => path.toUpperCase(),
  "with a slash at the end": (path) => `${path}/`,
  "with two slashes": (path) => path.replaceAll("/", "//"),
  "a letter encoded": (path) => path.replace(/[a-z](?=[^/]*$)/, encodedOnce),
  "all letters encoded": (path) => path.replaceAll(/[a-z]/g, encodedOnce),
  "encoded twice": (path) => path.replaceAll(/[a-z]/g, encodedOnce).replaceAll("%", "%25"),
  "encoded three times": (path) => path.replaceAll(/[a-z]/g, encodedOnce).replaceAll("%", "%2525"),
  "encoded four times": (path) => path.replaceAll(/[a-z]/g, encodedOnce).replaceAll("%", "%252525"),
  "slashes encoded": (path) => `/${path.slice(1).replaceAll("/", "%2F")}`,
  "slashes encoded twice": (path) => `/${path.slice(1).replaceAll("/", "%252f")}`,
  "an encoded slash at the end": (path) => `${path}%2f`,
  "with parameters": (path) => path.replaceAll(/(.)(?=\/|$)/g, "$1;a=b"),
  "with encoded parameters": (path) => path.replaceAll(/(.)(?=\/|$)/g, "$1%3Ba"),
  "an allowed path as a parameter": (path) => `${path};/api/chat`,
  "an allowed path behind an encoded question mark": (path) => `${path}%3F/v1/chat/completions`,
  "an allowed path behind an encoded hash": (path) => `${path}%23/v1/chat/completions`,
  "an allowed path behind a question mark encoded twice": (path) => `${path}%253f/api/chat`,
  "an allowed path in front, and dots encoded twice": (path) => `/api/chat/%252e%252e/%252e%252e${path}`,
  "an allowed path in front, and a backslash encoded twice": (path) => `/api/chat%255c..%255c..${path}`,
  "an allowed path in front, and dots with parameters encoded": (path) => `/v1/x/..%253b/..${path}`,
  "a dot segment encoded twice": (path) => `/%252e${path}`,
  "a dot at the end": (path) => `${path}.`,
  "a space at the end": (path) => `${path}%20`,
  "letters of full width": (path) =>
    path.replaceAll(
      /[a-z]/g,
      (letter) => encodeURIComponent(String.fromCodePoint(0xff00 + letter.charCodeAt(0) - 32)),
    ),
  "another letter s": (path) => path.replaceAll("s", encodeURIComponent("ſ")),
};

function encodedOnce(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16)}`;
}
