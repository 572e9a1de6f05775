/**
 * Rules for paths: which requests a list of groups and patterns allows. A group is a name such as
 * `inference`, or `all`. A pattern has a slash or a star, as `path_patterns.ts` describes it. An entry after
 * `!` denies, and wins. If all entries deny, all other requests are allowed.
 */

import { GROUP_NAMES, groupOf } from "../apis/operation_group.ts";
import { operationOf } from "../apis/operation_of.ts";
import type { OperationGroup } from "../apis/operations.ts";
import { pathAmbiguity, type ReadPatterns, readPatterns, verdictOf } from "../text/path_patterns.ts";
import { pathReadings } from "../text/path_readings.ts";

/** What rules need to know of a request. */
export interface PathRequest {
  /** The methods that the upstream could use, in capitals. */
  readonly methods: readonly string[];
  /** The path at each backend that could get the request. */
  readonly paths: readonly string[];
  /**
   * The paths that the proxy sends, each with the whole path of its base URL. Groups count for both forms. If
   * absent, the proxy sends `paths`.
   */
  readonly sentPaths?: readonly string[];
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
}

/** The groups and patterns that one list of rules for paths allows and denies. */
export interface PathRules {
  /** The groups that are allowed, without those that only patterns open. */
  readonly groups: ReadonlySet<OperationGroup>;
  /** The groups that are denied, also where a pattern allows a path. */
  readonly denied: ReadonlySet<OperationGroup>;
  readonly patterns: ReadPatterns;
  /** The patterns as they are configured. */
  readonly shownPatterns: readonly string[];
  readonly allowsEverything: boolean;
}

/** The rules of lists that were read before. A list never changes. */
const known = new WeakMap<readonly string[], PathRules>();

/** Reads a list of groups and patterns. */
export function pathRulesOf(entries: readonly string[]): PathRules {
  const before = known.get(entries);
  if (before !== undefined) return before;
  const isPattern = (entry: string) => /[/*]/.test(entry);
  const names = entries.filter((entry) => !isPattern(entry));
  const denied = groupsNamed(names.filter((name) => name.startsWith("!")).map((name) => name.slice(1)));
  const allowed = entries.every((entry) => entry.startsWith("!")) && entries.length > 0
    ? GROUP_NAMES
    : [...groupsNamed(names.filter((name) => !name.startsWith("!")))];
  const shownPatterns = entries.filter(isPattern);
  const groups = new Set(allowed.filter((group) => !denied.has(group)));
  const rules: PathRules = {
    groups,
    denied,
    patterns: readPatterns(shownPatterns),
    shownPatterns,
    allowsEverything: groups.size === GROUP_NAMES.length && shownPatterns.length === 0,
  };
  known.set(entries, rules);
  return rules;
}

function groupsNamed(names: readonly string[]): ReadonlySet<OperationGroup> {
  return new Set(GROUP_NAMES.filter((group) => names.includes(group) || names.includes("all")));
}

/**
 * Why rules reject a request. `unclear` is the end of a sentence: why servers could read the path
 * differently.
 */
export type PathRejection =
  | { readonly unclear: string }
  | { readonly group: OperationGroup; readonly method: string };

/** Rules for paths cannot check the requests that are inside the body of another request. */
const REQUEST_BATCH = "its body has whole requests to other paths";
/** Requests of these methods have no body. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const TOO_MANY_READINGS = "it is too long, or encoded several times";

/**
 * Returns why rules reject a request. `undefined` if they allow it. All readings of all paths must be
 * allowed, with all methods. Patterns are compared with the path itself, so the proxy rejects a path with
 * several readings.
 */
export function pathRejection(rules: PathRules, request: PathRequest): PathRejection | undefined {
  if (rules.allowsEverything) return undefined;
  const { groups, denied, patterns, shownPatterns } = rules;
  const hasPatterns = shownPatterns.length > 0;
  for (const [index, path] of request.paths.entries()) {
    const readings = pathReadings(path);
    const unclear = hasPatterns || readings === undefined ? pathAmbiguity(path) : undefined;
    if (unclear !== undefined) return { unclear };
    if (readings === undefined) return { unclear: TOO_MANY_READINGS };
    const isAllowed = hasPatterns && verdictOf(patterns, path) === "allowed";
    const isClosed = (group: OperationGroup) => denied.has(group) || !isAllowed && !groups.has(group);
    for (const reading of readings) {
      if (isRequestBatch(reading, request)) return { unclear: REQUEST_BATCH };
      const isDenied = hasPatterns && verdictOf(patterns, reading) === "denied";
      for (const method of request.methods) {
        const group = groupOf(method, reading, request);
        if (isDenied || isClosed(group)) return { group, method };
      }
    }
    const sentPath = request.sentPaths?.[index] ?? path;
    const rejection = sentPath === path ? undefined : sentPathRejection(sentPath, request, isClosed);
    if (rejection !== undefined) return rejection;
  }
  return undefined;
}

/**
 * Returns why rules reject the whole path that the proxy sends. With a prefix, `/health` and similar paths
 * become unknown paths. So an unknown path is allowed here: the check of the path behind the prefix has
 * decided.
 */
function sentPathRejection(
  sentPath: string,
  request: PathRequest,
  isClosed: (group: OperationGroup) => boolean,
): PathRejection | undefined {
  const readings = pathReadings(sentPath);
  if (readings === undefined) return { unclear: TOO_MANY_READINGS };
  for (const reading of readings) {
    if (isRequestBatch(reading, request)) return { unclear: REQUEST_BATCH };
    for (const method of request.methods) {
      const group = groupOf(method, reading, request);
      if (group !== "other" && isClosed(group)) return { group, method };
    }
  }
  return undefined;
}

/** Whether a server could read the body as requests to any paths. */
function isRequestBatch(path: string, { methods }: PathRequest): boolean {
  return methods.some((method) => !WITHOUT_BODY.has(method) && operationOf(method, path) === "request_batch");
}
