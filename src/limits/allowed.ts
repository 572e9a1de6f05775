/** Which endpoints, paths and models a principal may use. */

import { ProxyFault } from "../faults.ts";
import { matchesAny } from "../text/glob.ts";
import { allowsPaths, pathAmbiguity } from "../text/path_patterns.ts";
import type { Principal, Subject } from "../principal.ts";

/** Throws `forbidden` if a rule of the principal lists endpoints and this endpoint is not in the list. */
export function checkEndpoint(principal: Principal, endpoint: string): void {
  for (const { what, rules } of principal.subjects) {
    if (rules.endpoints === undefined || matchesAny(rules.endpoints, endpoint)) continue;
    throw new ProxyFault(
      "forbidden",
      `This ${what} may not use the endpoint ${endpoint}; it may use ${shown(rules.endpoints)}.`,
    );
  }
}

/** The endpoints that a principal may use. */
export function allowedEndpoints({ subjects }: Principal, names: readonly string[]): readonly string[] {
  return names.filter((name) =>
    subjects.every(({ rules }) => rules.endpoints === undefined || matchesAny(rules.endpoints, name))
  );
}

/** Headers, in lower case, that make some upstreams use another path than the path of the request. */
export const PATH_FIELDS: ReadonlySet<string> = new Set(["x-original-url", "x-rewrite-url"]);
/** The longest part of a path in an error message, in characters. */
const SHOWN_PATH = 200;

/**
 * Throws `forbidden` if a rule of the principal lists paths and this path is not in the list, or if upstreams
 * could read the path differently. `path` is the path after the name of the endpoint. `paths` gives the path
 * at each backend.
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
        `This ${what} may use only certain paths, and the proxy cannot check this path: ${unclear}.`,
      );
    }
    const renaming = fields.find(({ lower }) => PATH_FIELDS.has(lower));
    if (renaming !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use only certain paths, and the header ${renaming.lower} names another path. Remove it.`,
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

/** Whether a rule lists allowed models, so that the proxy must know the models of each request. */
export function restrictsModels(principal: Principal): boolean {
  return principal.subjects.some(listsModels);
}

function listsModels({ rules }: Subject): boolean {
  return rules.models !== undefined;
}

/**
 * Throws `forbidden` if a rule lists models and the request names a model that is not in the list. Every
 * model that a request names must be allowed, because readers differ on which of two models in a body counts.
 * A request with a body must name a model.
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
        `This ${what} may use only certain models, and the request names no model.`,
      );
    }
  }
}

/** Whether the name of a model matches one of the patterns, with or without Google's prefix `models/`. */
export function matchesModel(patterns: readonly string[], model: string): boolean {
  return matchesAny(patterns, model) || matchesAny(patterns, withoutFolder(model));
}

/** Google's bodies name a model as its paths do: `models/gemini-2.5-pro`, `publishers/google/models/…`. */
function withoutFolder(model: string): string {
  return model.replace(/^(?:publishers\/google\/)?models\//, "");
}

function shown(patterns: readonly string[]): string {
  return patterns.length === 0 ? "none" : patterns.join(", ");
}
