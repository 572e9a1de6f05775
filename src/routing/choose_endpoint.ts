/** Chooses the endpoint that serves the model of a request, for requests without the name of an endpoint. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import { presetOf } from "../config/values/presets.ts";
import { wildcardTexts, withWildcards } from "../text/glob.ts";
import { harmlessText } from "../text/harmless_text.ts";
import { isElsewhere } from "./elsewhere.ts";
import type { ModelRouting, RoutingTable } from "./table.ts";

/** The longest model in an error message, in characters. */
export const MAX_QUOTED_MODEL = 100;

/** Which models the endpoints list, and which endpoints have sent a list. */
export interface KnownLists {
  /** Whether the last list of an endpoint, by its name, has a model. */
  readonly has: (endpoint: string, model: string) => boolean;
  /** Whether an endpoint, by its name, has sent a list. */
  readonly isKnown: (endpoint: string) => boolean;
}

/** A request whose endpoint is to be chosen. */
export interface Unrouted {
  readonly api: UnnamedApi;
  /** The model that the request names. `undefined` if it names none, or names it at an unknown place. */
  readonly model: string | undefined;
  /** Whether the client may use an endpoint, and may reach it by a model. */
  readonly mayUse: (endpoint: Endpoint) => boolean;
}

/** Why an endpoint was chosen. */
export type ChoiceReason =
  /** A rule of `[[routes]]` matches the model. */
  | "route"
  /** The name of the model begins with the name of the endpoint. */
  | "prefix"
  /** The endpoint's own list has the model. */
  | "list"
  /** The endpoint belongs to the maker of the model. */
  | "maker"
  /** It is the default endpoint. */
  | "default"
  /** No other endpoint has the API. */
  | "only";

/** The endpoint of a request, and the model to send. */
export interface Choice {
  readonly endpoint: Endpoint;
  /** The model to send. `undefined` if the request names none. */
  readonly model: string | undefined;
  readonly reason: ChoiceReason;
  /** The rule of the file that matched, for people. */
  readonly rule?: string;
  /** Further endpoints that list the model. The order of the file decides between them. */
  readonly others?: readonly string[];
}

/** Chooses an endpoint. Returns undefined if no endpoint serves the model. */
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
  // This does not call `mayUse`: admission rejects the request and names the rule.
  const endpoint = fallback ?? (candidates.length === 1 ? candidates[0] : undefined);
  return endpoint && { endpoint, model, reason: "default" };
}

/**
 * Whether the model of a request may choose an endpoint. The client's own key is for one provider. So an endpoint that
 * forwards it must be the default one, or a program on the owner's machine whose clients have no token.
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

/** A name that begins with the name of an endpoint. */
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
 * The endpoint that a name means by the endpoint's name in front of the model: it lists the rest of the name,
 * or has sent no list. `undefined` if an endpoint that lists the whole name may have the model, as OpenRouter
 * has `openai/gpt-4o`.
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

/** By the prefix of a name, by the lists of the endpoints, or by the maker of a model. */
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
  // The lists of other endpoints decide nothing about an alias that names its endpoint.
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

/** The error message for a model that no endpoint serves. */
export function modelNotFoundMessage(model: string): string {
  const shown = JSON.stringify(harmlessText(model, MAX_QUOTED_MODEL));
  return `No endpoint of this proxy serves the model ${shown} here. GET /v1/models lists the models.`;
}
