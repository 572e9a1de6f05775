/** Which endpoints, paths and models a principal may use. */

import { ProxyFault } from "../faults.ts";
import { matchesAny } from "../text/glob.ts";
import { allowsPaths, pathAmbiguity } from "../text/path_patterns.ts";
import type { Principal } from "../principal.ts";

/** Throws `forbidden` where a rule names endpoints and this is none of them. */
export function checkEndpoint(principal: Principal, endpoint: string): void {
  for (const { what, rules } of principal.subjects) {
    if (rules.endpoints === undefined || matchesAny(rules.endpoints, endpoint)) continue;
    throw new ProxyFault(
      "forbidden",
      `This ${what} may not use the endpoint ${endpoint}; it may use ${shown(rules.endpoints)}.`,
    );
  }
}

/** Fields by which some upstreams take another path than that of the request. */
export const PATH_FIELDS: ReadonlySet<string> = new Set(["x-original-url", "x-rewrite-url"]);
const SHOWN_PATH = 200;

/**
 * Throws `forbidden` where a rule names paths and this is none of them, or where upstreams could read another path out
 * of it. `path` is what is left for the backend, `paths` gives what becomes of it at each backend.
 */
export function checkPath(
  principal: Principal,
  { path, paths, fields }: {
    path: string;
    paths: () => readonly string[];
    fields: readonly { readonly lower: string }[];
  },
): void {
  for (const { what, rules: { paths: patterns } } of principal.subjects) {
    if (patterns === undefined) continue;
    const unclear = pathAmbiguity(path);
    if (unclear !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use certain paths only, and this path cannot be checked: ${unclear}.`,
      );
    }
    const renaming = fields.find(({ lower }) => PATH_FIELDS.has(lower));
    if (renaming !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use certain paths only, and the header ${renaming.lower} names another one: leave it out.`,
      );
    }
    if (allowsPaths(patterns, paths())) continue;
    const shownPath = JSON.stringify(path.slice(0, SHOWN_PATH));
    throw new ProxyFault(
      "forbidden",
      `This ${what} may not use the path ${shownPath}; it may use ${shownPaths(patterns)}.`,
    );
  }
}

function shownPaths(patterns: readonly string[]): string {
  const forbidden = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const allowed = patterns.filter((pattern) => !pattern.startsWith("!"));
  if (forbidden.length === 0) return shown(allowed);
  return allowed.length === 0
    ? `all but ${shown(forbidden)}`
    : `${shown(allowed)}, but not ${shown(forbidden)}`;
}

/** Whether a rule names models, so that the request's own has to be known. */
export function restrictsModels(principal: Principal): boolean {
  return principal.subjects.some(({ rules }) => rules.models !== undefined);
}

/**
 * Throws `forbidden` where a rule names models and one of these is none of them. All that a request names have to be
 * allowed: where a body names two, readers differ on which one counts. One that has a body must name one.
 */
export function checkModels(
  principal: Principal,
  { models, hasBody }: { models: readonly string[]; hasBody: boolean },
): void {
  for (const { what, rules } of principal.subjects) {
    const { models: allowed } = rules;
    if (allowed === undefined) continue;
    const refused = models.find((model) => !matchesModel(allowed, model));
    if (refused !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may not use the model ${JSON.stringify(refused)}; it may use ${shown(allowed)}.`,
      );
    }
    if (models.length === 0 && hasBody) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use certain models only, and the request names none.`,
      );
    }
  }
}

/** Whether a model's name fits one of some patterns. */
export function matchesModel(patterns: readonly string[], model: string): boolean {
  return matchesAny(patterns, model) || matchesAny(patterns, withoutFolder(model));
}

/** Google names a model in a body as in a path: `models/gemini-2.5-pro`, `publishers/google/models/…`. */
function withoutFolder(model: string): string {
  return model.replace(/^(?:publishers\/google\/)?models\//, "");
}

function shown(patterns: readonly string[]): string {
  return patterns.length === 0 ? "none" : patterns.join(", ");
}
