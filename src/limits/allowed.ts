/** Which endpoints, paths and models a principal may use. */

import { ProxyFault } from "../faults.ts";
import { matchesAny } from "../text/glob.ts";
import { pathAmbiguity } from "../text/path_patterns.ts";
import type { Principal, Subject } from "../principal.ts";
import { pathRejection, pathRulesOf } from "./path_rules.ts";

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

/** A request, as rules for paths need it. */
export interface RequestedPath {
  /** The path after the name of the endpoint. */
  readonly path: string;
  /** The path at each backend, without the path of its base URL but with the version. */
  readonly paths: readonly string[];
  /** The path that the proxy sends to each backend. If absent, the proxy sends `paths`. */
  readonly sentPaths?: readonly string[];
  /** The methods that upstreams could use, in capitals. */
  readonly methods: readonly string[];
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
  readonly fields: readonly { readonly lower: string; readonly value: string }[];
}

/**
 * Throws `forbidden` if the setting `paths` of the endpoint rejects a request. A header that names another
 * path counts as one more path.
 */
export function checkAllowedPath(
  endpoint: { readonly name: string; readonly paths: readonly string[] },
  { path, paths, sentPaths = paths, methods, isWebSocket, fields }: RequestedPath,
): void {
  const rules = pathRulesOf(endpoint.paths);
  if (rules.allowsEverything) return;
  const other = fields.flatMap(({ lower, value }) => PATH_FIELDS.has(lower) ? [pathIn(value)] : []);
  const rejection = pathRejection(rules, { methods, paths: [...paths, ...other], sentPaths, isWebSocket });
  if (rejection === undefined) return;
  const setting = `endpoints.${endpoint.name}.paths`;
  const allows = `allows ${shownPaths(endpoint.paths)} (${setting})`;
  if ("unclear" in rejection) {
    throw new ProxyFault(
      "forbidden",
      `The endpoint ${endpoint.name} ${allows}, and the proxy cannot check this path: ${rejection.unclear}.`,
    );
  }
  const { group, method } = rejection;
  throw new ProxyFault(
    "forbidden",
    `The endpoint ${endpoint.name} does not allow ${method} ${shownPath(path)}, which belongs to the group ` +
      `${group}. It ${allows}. To allow the group, add "${group}" to ${setting}.`,
  );
}

/** The path in the value of a header that names a path or a URL, without its query. */
function pathIn(value: string): string {
  const path = value.trim().replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * Throws `forbidden` if a rule of the principal lists paths and rejects this request, or if upstreams could
 * read the path differently.
 */
export function checkPath(
  principal: Principal,
  { path, paths, sentPaths = paths, methods, isWebSocket, fields }: RequestedPath,
): void {
  for (const { what, rules: { paths: entries } } of principal.subjects) {
    if (entries === undefined) continue;
    const unclear = pathAmbiguity(path);
    if (unclear !== undefined) throw uncheckable(what, unclear);
    const renaming = fields.find(({ lower }) => PATH_FIELDS.has(lower));
    if (renaming !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use only certain paths, and the header ${renaming.lower} names another path. Remove it.`,
      );
    }
    const rejection = pathRejection(pathRulesOf(entries), { methods, paths, sentPaths, isWebSocket });
    if (rejection === undefined) continue;
    if ("unclear" in rejection) throw uncheckable(what, rejection.unclear);
    throw new ProxyFault(
      "forbidden",
      `This ${what} may not use the path ${shownPath(path)}; it may use ${shownPaths(entries)}. The path ` +
        `belongs to the group ${rejection.group}. The rule is the setting paths of the ${what}.`,
    );
  }
}

function uncheckable(what: string, unclear: string): ProxyFault {
  return new ProxyFault(
    "forbidden",
    `This ${what} may use only certain paths, and the proxy cannot check this path: ${unclear}.`,
  );
}

function shownPath(path: string): string {
  return JSON.stringify(path.slice(0, SHOWN_PATH));
}

function shownPaths(entries: readonly string[]): string {
  const forbidden = entries.filter((entry) => entry.startsWith("!")).map((entry) => entry.slice(1));
  const allowed = entries.filter((entry) => !entry.startsWith("!"));
  if (forbidden.length === 0) return shown(allowed);
  return allowed.length === 0
    ? `all but ${shown(forbidden)}`
    : `${shown(allowed)}, but not ${shown(forbidden)}`;
}

/** Whether the rules of a principal allow a model, by one of its names. */
export function allowsModel({ subjects }: Principal, ...names: readonly string[]): boolean {
  return subjects.every(({ rules: { models } }) =>
    models === undefined || names.some((name) => matchesModel(models, name))
  );
}

/** A model, and another name that the client used for it. */
export interface ModelAlias {
  readonly asked: string;
  /** The model that the proxy sends. */
  readonly model: string;
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
 * A request with a body must name a model. A list may also name an alias, in the place of the model that is
 * sent.
 */
export function checkModels(
  principal: Principal,
  { models, hasBody, alias }: {
    models: readonly string[];
    hasBody: boolean;
    /**
     * Another name that the client used for one of the models. `undefined` if the client used the names in
     * `models`.
     */
    alias?: ModelAlias | undefined;
  },
): void {
  for (const { what, rules } of principal.subjects) {
    const { models: allowed } = rules;
    if (allowed === undefined) continue;
    const denied = models.find((model) =>
      !matchesModel(allowed, model) &&
      (alias === undefined || alias.model !== model || !matchesModel(allowed, alias.asked))
    );
    if (denied !== undefined) {
      // The error names the alias, because the model behind it can reveal an endpoint that the client does
      // not know.
      const asked = alias?.model === denied ? alias.asked : denied;
      throw new ProxyFault(
        "forbidden",
        `This ${what} may not use the model ${JSON.stringify(asked)}; it may use ${shown(allowed)}.`,
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
