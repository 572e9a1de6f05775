/** Chooses the endpoint that serves the model of a request, for requests without the name of an endpoint. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import { presetOf } from "../config/values/presets.ts";
import { wildcardTexts, withWildcards } from "../text/glob.ts";
import type { Choice, KnownLists, Unrouted } from "./choice.ts";
import type { ModelRouting, RoutingTable } from "./table.ts";
import { isElsewhere } from "./unserved_model.ts";

/** Chooses an endpoint. Returns `undefined` if no endpoint serves the model. */
export function chooseEndpoint(
  { endpoints, byModel }: Pick<RoutingTable, "endpoints"> & { readonly byModel: ModelRouting },
  { api, model, mayUse }: Unrouted,
  lists: KnownLists,
): Choice | undefined {
  const fallback = byModel.fallbacks[api];
  const candidates = byModel.speakers[api].filter(mayUse);
  if (model !== undefined) {
    const alias = byModel.aliases.get(model);
    const named = alias ?? model;
    const choice = byRoute(byModel, named, candidates) ??
      byName({ endpoints, candidates, lists }, named, { isAlias: alias !== undefined });
    if (choice !== undefined) return choice;
    // The alias names an endpoint that the client may not use.
    const prefix = alias === undefined ? undefined : prefixOf(endpoints, alias);
    if (prefix !== undefined && byModel.speakers[api].includes(prefix.endpoint)) return undefined;
    if (isElsewhere({ endpoints, byModel }, { model: named, api, fallback })) return undefined;
    const [first, second] = candidates;
    const last = fallback !== undefined && mayUse(fallback) && (candidates.includes(fallback) || !first)
      ? fallback
      : second === undefined
      ? first
      : undefined;
    return last && { endpoint: last, model: named, reason: last === fallback ? "default" : "only" };
  }
  // This does not call `mayUse`, because admission rejects the request, and its error names the rule.
  const endpoint = fallback ?? (candidates.length === 1 ? candidates[0] : undefined);
  return endpoint && { endpoint, model, reason: "default" };
}

/**
 * Whether the model of a request may choose an endpoint. An endpoint that forwards the client's own key may
 * be chosen only in two cases, because that key is for one provider: it is the default endpoint, or it is a
 * program on the owner's machine whose clients have no token.
 */
export function isReachable(
  endpoint: Endpoint,
  { fallback, isAnonymous }: { fallback: Endpoint | undefined; isAnonymous: boolean },
): boolean {
  if (!endpoint.backends.some(({ key }) => key.mode === "passthrough")) return true;
  return endpoint === fallback || isAnonymous && presetOf(endpoint).local === true;
}

function byRoute(
  { routes }: ModelRouting,
  model: string,
  candidates: readonly Endpoint[],
): Choice | undefined {
  for (const route of routes) {
    const endpoint = candidates.find(({ name }) => name === route.endpoint);
    const matched = endpoint && wildcardTexts(route.model, model);
    if (endpoint === undefined || matched === undefined) continue;
    const sent = route.to === undefined ? model : withWildcards(route.to, matched);
    return { endpoint, model: sent, reason: "route", rule: route.model };
  }
  return undefined;
}

/** A name of a model that begins with the name of an endpoint. */
interface PrefixedName {
  readonly endpoint: Endpoint;
  /** The name without the name of the endpoint. */
  readonly rest: string;
}

function prefixOf(endpoints: RoutingTable["endpoints"], model: string): PrefixedName | undefined {
  const slash = model.indexOf("/");
  const endpoint = slash > 0 && slash < model.length - 1 ? endpoints.get(model.slice(0, slash)) : undefined;
  return endpoint && { endpoint, rest: model.slice(slash + 1) };
}

/**
 * Returns the endpoint whose name is in front of the model. It must list the rest of the name, or have sent
 * no list. `undefined` if an endpoint that lists the whole name may have the model. For example, OpenRouter
 * lists `openai/gpt-4o`.
 */
export function prefixedEndpoint(
  endpoints: RoutingTable["endpoints"],
  model: string,
  lists: KnownLists,
): PrefixedName | undefined {
  const prefix = prefixOf(endpoints, model);
  if (prefix === undefined) return undefined;
  const { endpoint: { name }, rest } = prefix;
  if (lists.has(name, rest)) return prefix;
  return lists.isKnown(name) || lists.has(name, model) ? undefined : prefix;
}

/** Chooses an endpoint by the prefix of a name, by the lists of the endpoints, or by the maker of a model. */
function byName(
  { endpoints, candidates, lists }: {
    endpoints: RoutingTable["endpoints"];
    candidates: readonly Endpoint[];
    lists: KnownLists;
  },
  model: string,
  { isAlias }: { isAlias: boolean },
): Choice | undefined {
  const prefix = prefixOf(endpoints, model);
  const byPrefix = (): Choice | undefined =>
    prefix !== undefined && candidates.includes(prefix.endpoint)
      ? { endpoint: prefix.endpoint, model: prefix.rest, reason: "prefix" }
      : undefined;
  const listing = candidates.filter(({ name }) => lists.has(name, model));
  // If an alias names its endpoint, the lists of other endpoints do not matter.
  const namesItself = listing.some((endpoint) => endpoint === prefix?.endpoint);
  if (isAlias && prefix !== undefined && !namesItself) return byPrefix();
  if (prefixedEndpoint(endpoints, model, lists) !== undefined) {
    const choice = byPrefix();
    if (choice !== undefined) return choice;
  }
  const [first, ...others] = namesItself && prefix !== undefined ? [prefix.endpoint] : listing;
  if (first !== undefined) {
    return {
      endpoint: first,
      model,
      reason: "list",
      ...(others.length > 0 && { others: others.map(({ name }) => name) }),
    };
  }
  const named = byPrefix();
  if (named !== undefined) return named;
  const maker = candidates.find((endpoint) => presetOf(endpoint).makes?.test(model) === true);
  return maker && { endpoint: maker, model, reason: "maker" };
}

/** Whether the model of a request can make a difference, so that the proxy has to know it. */
export function dependsOnModel(
  { routes, aliases, speakers, fallbacks }: ModelRouting,
  api: UnnamedApi,
): boolean {
  return routes.length > 0 || aliases.size > 0 || speakers[api].length > 1 ||
    speakers[api].length === 1 && fallbacks[api] === undefined;
}
