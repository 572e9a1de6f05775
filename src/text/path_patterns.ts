/** Compares the path of a request with the path patterns of a token, in all spellings of the path. */

import { matchesAny } from "./glob.ts";

/** Why a text is not a path pattern, as the rest of a sentence. `undefined` if it is a path pattern. */
export function patternProblem(pattern: string): string | undefined {
  const path = pattern.startsWith("!") ? pattern.slice(1) : pattern;
  if (!/^[/*]/.test(path)) return "does not start with /, * or !, like /v1/models, */models or !*/files*";
  if (/[%?#;\\\s\p{C}]/u.test(path)) {
    return "contains a character that is not allowed: write the path decoded, without query and parameters";
  }
  return undefined;
}

/**
 * The maximum length of a path in characters. No API has longer paths. A search in a longer path takes too
 * long.
 */
const MAX_PATH_LENGTH = 8_000;

/**
 * Why a path cannot be compared with patterns, as the end of a sentence. `undefined` if it can. An upstream
 * that decodes an ambiguous path twice, or decodes it before it splits it, reads another path.
 */
export function pathAmbiguity(path: string): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return `it is longer than ${MAX_PATH_LENGTH} characters`;
  if (!path.includes("%")) return undefined;
  if (/%2f/i.test(path)) return "it contains an encoded slash (%2F)";
  const text = decoded(path);
  if (text === undefined) return "it contains an invalid percent-encoding";
  return /%[0-9a-f]{2}/i.test(text) ? "it contains a character that is encoded twice (%25)" : undefined;
}

/** Patterns in the form in which {@link verdictOf} compares them. */
export interface ReadPatterns {
  readonly allowing: readonly string[];
  readonly denying: readonly string[];
}

/** Prepares patterns for {@link verdictOf}. */
export function readPatterns(patterns: readonly string[]): ReadPatterns {
  const isDenying = (pattern: string) => pattern.startsWith("!");
  const denying = patterns.filter(isDenying).map((pattern) => normalized(pattern.slice(1)));
  const allowing = patterns.filter((pattern) => !isDenying(pattern)).map((pattern) => normalized(pattern));
  return { allowing, denying: [...denying, ...denying.map(withoutVersion).filter(namesPath)] };
}

/**
 * Whether patterns allow or deny a path. `undefined` if no pattern matches. `path` is the path that the proxy
 * sends to a backend, beginning with the version in the base URL of the backend. A pattern that denies wins.
 *
 * A pattern may leave the version out. A pattern that denies applies with every version and without one,
 * because upstreams serve the same under `/v1/files`, `/v1beta/files` and `/files`. A pattern that allows a
 * version allows only that version.
 */
export function verdictOf(
  { allowing, denying }: ReadPatterns,
  path: string,
): "allowed" | "denied" | undefined {
  // Some upstreams remove parameters (`;x`). For others they are part of the name.
  const [whole, cut] = [normalized(path), normalized(path, { cutsParameters: true })];
  const bare = withoutVersion(cut);
  const isDenied = [whole, cut].some((reading) => {
    const once = withoutVersion(reading);
    return [reading, once, withoutVersion(once)].some((one) => matchesAny(denying, one));
  });
  if (isDenied) return "denied";
  if (matchesAny(allowing, cut)) return "allowed";
  // For the upstream, the second version in `/v1/v1/models` is part of the path.
  return withoutVersion(bare) === bare && matchesAny(allowing, bare) ? "allowed" : undefined;
}

/** Normalizes the spelling of a path: decoded once, in lower case, slashes merged and none at the end. */
function normalized(path: string, { cutsParameters = false }: { cutsParameters?: boolean } = {}): string {
  const text = (decoded(path) ?? path).toLowerCase();
  const cut = cutsParameters ? text.replaceAll(/;[^/]*/g, "") : text;
  const merged = cut.replaceAll(/\/{2,}/g, "/");
  return merged.length > 1 && merged.endsWith("/") ? merged.slice(0, -1) : merged;
}

/** Removes the version: `/v1/models` becomes `/models`. A path without a version stays as it is. */
function withoutVersion(path: string): string {
  return path.replace(/^\/v\d+(?:(?:alpha|beta)\d*)?(?=[/*]|$)/, "");
}

/** Whether a pattern has more than wildcards. `!/v2/*` without its version would deny every path. */
function namesPath(pattern: string): boolean {
  return /[^/*]/.test(pattern);
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
