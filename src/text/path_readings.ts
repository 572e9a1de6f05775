/** The paths that servers could read in one path, because they decode, cut and merge paths differently. */

/** The longest path with several readings, in characters. No API has longer ones. */
const MAX_LENGTH = 8_000;
/** How often servers in a row could decode a path. */
const MAX_DECODINGS = 3;
/** A path without any of these has one reading. A dot or a space before a slash is left out on Windows. */
const UNUSUAL = /[^A-Za-z0-9/_~@:.,+=!$&'()*-]|\/\/|\.(?:\/|$)/;

/**
 * Returns all readings of a path that the proxy sends, the path itself first. Returns `undefined` if the path
 * has several readings, and is too long or is encoded too often.
 */
export function pathReadings(path: string): readonly string[] | undefined {
  if (!UNUSUAL.test(path)) return [path];
  if (path.length > MAX_LENGTH) return undefined;
  const readings = new Set([path]);
  // A server that splits the path before it decodes it keeps an encoded slash in its segment.
  const split = decoded(path.replaceAll(/%2f/gi, "%252F"));
  if (split !== undefined) addReadings(readings, split);
  let text = path;
  for (let decodings = 0; /%[0-9a-f]{2}/i.test(text); decodings++) {
    const next = decodings < MAX_DECODINGS ? decoded(text) : undefined;
    if (next === undefined) return undefined;
    text = next;
    addReadings(readings, text);
  }
  // A single percent sign is left by `%25`. With other characters it is an invalid encoding.
  addReadings(readings, text);
  return [...readings];
}

/** Adds what servers could read in a text that is decoded once more. */
function addReadings(readings: Set<string>, text: string): void {
  const plain = text.normalize("NFKC").replaceAll("\\", "/");
  const whole = plain.replace(/[?#].*$/s, "");
  const cut = whole.replaceAll(/;[^/]*/g, "");
  for (const one of [plain, whole, cut, whole.replace(/;.*$/s, "")]) {
    const merged = one.replaceAll(/\/{2,}/g, "/");
    readings.add(merged);
    readings.add(resolved(merged));
    readings.add(resolved(merged.split("/").map(withoutEnd).join("/")));
  }
}

/** A segment as Windows reads the name of a file: without dots and spaces at its end. */
function withoutEnd(segment: string): string {
  if (segment === "." || segment === "..") return segment;
  let end = segment.length;
  while (end > 0 && " .".includes(segment[end - 1] ?? "")) end--;
  return segment.slice(0, end);
}

/** A path without the segments `.` and `..`. */
function resolved(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== ".") segments.push(segment);
  }
  const joined = segments.join("/");
  return joined.startsWith("/") ? joined : `/${joined}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    return undefined;
  }
}
