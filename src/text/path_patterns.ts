/** Whether a path at a backend is one that a list of patterns allows, however the path is spelled. */

import { matchesAny } from "./glob.ts";

/** What makes a text no pattern of paths; undefined: it is one. */
export function patternProblem(pattern: string): string | undefined {
  const path = pattern.startsWith("!") ? pattern.slice(1) : pattern;
  if (!/^[/*]/.test(path)) return "does not begin with /, * or !, like /v1/models, */models or !*/files*";
  if (/[%?#;\\\s\p{C}]/u.test(path)) {
    return "holds a character that no pattern has: write the path decoded, without query and parameters";
  }
  return undefined;
}

/** Longer ones are not looked at: no API has them, and each pattern is searched for in the whole of it. */
const LONGEST_PATH = 8_000;

/**
 * Why a path cannot be compared with patterns, as the end of a sentence; undefined: it can. An upstream that decodes
 * it once more, or before it splits it, would see another path than the one that was compared.
 */
export function pathAmbiguity(path: string): string | undefined {
  if (path.length > LONGEST_PATH) return `it is longer than ${LONGEST_PATH} characters`;
  if (!path.includes("%")) return undefined;
  if (/%2f/i.test(path)) return "it holds an encoded slash (%2F)";
  const text = decoded(path);
  if (text === undefined) return "it holds an invalid percent-encoding";
  return /%[0-9a-f]{2}/i.test(text) ? "it holds a character that is encoded twice (%25)" : undefined;
}

/**
 * Whether a list of patterns allows all of these paths. `paths` are those of one request at each backend that could
 * get it, from the version of the backend's base URL on, as they are sent. A pattern that begins with `!` forbids, and
 * wins over those that allow. Where all patterns forbid, everything else is allowed; an empty list allows nothing.
 *
 * A pattern may leave the version out. One that forbids holds for every version and for none, since upstreams serve
 * the same under `/v1/files`, `/v1beta/files` and `/files`; one that allows a version allows that version alone.
 */
export function allowsPaths(patterns: readonly string[], paths: readonly string[]): boolean {
  const isForbidding = (pattern: string) => pattern.startsWith("!");
  const forbidding = patterns.filter(isForbidding).map((pattern) => plain(pattern.slice(1)));
  const allowing = patterns.filter((pattern) => !isForbidding(pattern)).map((pattern) => plain(pattern));
  const allowsOthers = forbidding.length > 0 && allowing.length === 0;
  const forbiddenAnywhere = [...forbidding, ...forbidding.map(withoutVersion).filter(namesSomething)];
  return paths.every((path) => {
    // Some upstreams cut parameters (`;x`) off, others take them for a part of the name.
    const [whole, cut] = [plain(path), plain(path, { cutsParameters: true })];
    const bare = withoutVersion(cut);
    const isForbidden = [whole, cut].some((reading) => {
      const once = withoutVersion(reading);
      return [reading, once, withoutVersion(once)].some((one) => matchesAny(forbiddenAnywhere, one));
    });
    if (isForbidden) return false;
    if (allowsOthers || matchesAny(allowing, cut)) return true;
    // The upstream takes the second version of `/v1/v1/models` for a part of the path.
    return withoutVersion(bare) === bare && matchesAny(allowing, bare);
  });
}

/** In one form for all spellings: decoded once, in small letters, with slashes merged and none at the end. */
function plain(path: string, { cutsParameters = false }: { cutsParameters?: boolean } = {}): string {
  const text = (decoded(path) ?? path).toLowerCase();
  const cut = cutsParameters ? text.replaceAll(/;[^/]*/g, "") : text;
  const merged = cut.replaceAll(/\/{2,}/g, "/");
  return merged.length > 1 && merged.endsWith("/") ? merged.slice(0, -1) : merged;
}

/** `/v1/models` gives `/models`; what begins with no version stays as it is. */
function withoutVersion(path: string): string {
  return path.replace(/^\/v\d+(?:(?:alpha|beta)\d*)?(?=[/*]|$)/, "");
}

/** Of `!/v2/*` only the version says what is meant. */
function namesSomething(pattern: string): boolean {
  return /[^/*]/.test(pattern);
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
