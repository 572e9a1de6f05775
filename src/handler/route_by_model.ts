/** Sends a request to the endpoint that serves its model, and replaces aliases of models. */

import type { BodyLimits } from "../admission/admit_request.ts";
import { type ModelReading, readForModel, type RequestedModel } from "../admission/read_for_model.ts";
import type { ReadRequest } from "../admission/read_request.ts";
import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import type { Exchange } from "../exchange.ts";
import { ProxyFault } from "../faults.ts";
import { allowedEndpoints } from "../limits/allowed.ts";
import type { Principal } from "../principal.ts";
import type { KnownLists } from "../routing/choice.ts";
import { chooseEndpoint, dependsOnModel, isReachable } from "../routing/choose_endpoint.ts";
import type { ModelRouting, RoutingTable } from "../routing/table.ts";
import { modelNotFoundMessage, servedElsewhereMessage } from "../routing/unserved_model.ts";

/** How the model of a request is read, and for which client. */
type RoutedReading = Omit<ModelReading, "maxBytes"> & { readonly principal: Principal };

/** What the choice of an endpoint depends on. */
export interface ModelRoutingParts extends BodyLimits {
  readonly routes: RoutingTable;
  readonly catalogue: KnownLists;
}

/**
 * Replaces the model of a request if an alias, a route or the name of an endpoint says so, and chooses the
 * endpoint if the path names none. At the path of an endpoint, only the aliases that name this endpoint
 * count. Returns the request if the proxy has read its body. `undefined` if the model makes no difference.
 * Throws `model_not_found` if no endpoint serves the model.
 */
export function routeByModel(
  exchange: Exchange,
  parts: ModelRoutingParts,
  reading: RoutedReading & {
    /** The API of the path. `undefined` if the path names its endpoint. */
    readonly api: UnnamedApi | undefined;
  },
): Promise<ReadRequest | undefined> | undefined {
  const { routes: { byModel } } = parts;
  if (byModel === undefined) return undefined;
  // Only here: a copy of the other parts for each request would cost as much as to find its endpoint.
  const { routes, catalogue, ...limits } = parts;
  const { api } = reading;
  if (api === undefined) {
    const { endpoint } = exchange;
    const aliases = endpoint && byModel.ownAliases.get(endpoint.name);
    return aliases && replaceAlias(exchange, { endpoint, aliases, limits, reading });
  }
  return chooseByModel(exchange, { routes: { ...routes, byModel }, catalogue, limits }, { ...reading, api });
}

async function chooseByModel(
  exchange: Exchange,
  { routes, catalogue, limits }: {
    routes: RoutingTable & { readonly byModel: ModelRouting };
    catalogue: KnownLists;
    limits: BodyLimits;
  },
  { api, ...reading }: RoutedReading & { readonly api: UnnamedApi },
): Promise<ReadRequest | undefined> {
  const { byModel } = routes;
  const maxBytes = longestBody(byModel, api);
  const requested = dependsOnModel(byModel, api)
    ? await requestedModel(exchange, limits, { ...reading, maxBytes })
    : undefined;
  // The client was identified for the fallback endpoint. Its own key must go to no other endpoint.
  const mayUse = endpointTest(reading.principal, exchange.endpoint);
  const unrouted = { api, model: requested?.name, mayUse };
  const choice = chooseEndpoint(routes, unrouted, catalogue);
  const elsewhere = servedElsewhereMessage(routes, unrouted, { choice, lists: catalogue });
  if (elsewhere !== undefined) throw new ProxyFault("model_not_found", elsewhere);
  if (choice === undefined && requested?.name !== undefined) {
    throw new ProxyFault("model_not_found", modelNotFoundMessage(requested.name));
  }
  const { endpoint, model } = choice ?? {};
  return send(exchange, endpoint, requested, model);
}

/**
 * The longest body, in bytes, that any endpoint for the API reads. Admission checks the limit of the chosen
 * endpoint, which is known only after the body was read.
 */
function longestBody({ speakers, fallbacks }: ModelRouting, api: UnnamedApi): number {
  // The fallback gets requests for an API that no endpoint has.
  const limits = [...speakers[api], fallbacks[api]].map((endpoint) => endpoint?.maxBufferBytes ?? 0);
  return Math.max(...limits);
}

/** Replaces an alias at the path of the endpoint that the alias names. */
async function replaceAlias(
  exchange: Exchange,
  { endpoint, aliases, limits, reading }: {
    endpoint: Endpoint | undefined;
    aliases: ReadonlyMap<string, string>;
    limits: BodyLimits;
    reading: RoutedReading;
  },
): Promise<ReadRequest | undefined> {
  const maxBytes = endpoint?.maxBufferBytes ?? 0;
  const requested = await requestedModel(exchange, limits, { ...reading, maxBytes });
  const name = requested?.name;
  return send(exchange, endpoint, requested, name === undefined ? undefined : aliases.get(name) ?? name);
}

async function requestedModel(
  { request, apiPath, query, holder }: Exchange,
  limits: BodyLimits,
  { principal, ...reading }: ModelReading & { readonly principal: Principal },
): Promise<RequestedModel | undefined> {
  return apiPath === undefined
    ? undefined
    : await readForModel({ request, principal, apiPath, query, holder }, limits, reading);
}

/** Sends an exchange to its endpoint with a model. Returns the request if the proxy has read its body. */
function send(
  exchange: Exchange,
  endpoint: Endpoint | undefined,
  requested: RequestedModel | undefined,
  model: string | undefined,
): ReadRequest | undefined {
  const isReplaced = model !== undefined && model !== requested?.name;
  const changed = isReplaced ? requested?.withModel(model) : undefined;
  exchange.routeTo(endpoint, {
    ...changed?.apiPath !== undefined && { apiPath: changed.apiPath },
    ...changed?.query !== undefined && { query: changed.query },
    ...isReplaced && { modelAsked: requested?.name },
  });
  return changed?.read ?? requested?.read;
}

/**
 * Makes the test whether a client may reach an endpoint by a model. `fallback` is the endpoint for other
 * models.
 */
export function endpointTest(
  principal: Principal,
  fallback: Endpoint | undefined,
): (endpoint: Endpoint) => boolean {
  const facts = { fallback, isAnonymous: principal.kind === "anonymous" };
  return (endpoint) =>
    allowedEndpoints(principal, [endpoint.name]).length > 0 && isReachable(endpoint, facts);
}
