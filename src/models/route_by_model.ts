/** Sends a request without the name of an endpoint to the endpoint that serves its model. */

import type { BodyLimits } from "../admission/admission.ts";
import { type ModelReading, readForModel } from "../admission/read_for_model.ts";
import type { ReadRequest } from "../admission/read_request.ts";
import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import type { Exchange } from "../exchange.ts";
import { ProxyFault } from "../faults.ts";
import { allowedEndpoints } from "../limits/allowed.ts";
import type { Principal } from "../principal.ts";
import {
  chooseEndpoint,
  dependsOnModel,
  isReachable,
  type ModelLists,
  modelNotFoundMessage,
} from "../routing/choose_endpoint.ts";
import type { RoutingTable } from "../routing/table.ts";

/** What the choice of an endpoint depends on. */
export interface ModelRoutingParts extends BodyLimits {
  readonly routes: RoutingTable;
  readonly catalogue: ModelLists;
}

/**
 * Chooses the endpoint of an exchange by the model of its request, and replaces the model where an alias, a route or
 * the name of an endpoint says so. Returns the request if the proxy has read its body. Throws `not_found` if no
 * endpoint serves the model.
 */
export async function routeByModel(
  exchange: Exchange,
  { routes, catalogue, ...limits }: ModelRoutingParts,
  { api, principal, ...reading }: Omit<ModelReading, "maxBytes"> & {
    api: UnnamedApi;
    principal: Principal;
  },
): Promise<ReadRequest | undefined> {
  const { byModel } = routes;
  const { request, rest, query, holder } = exchange;
  if (byModel === undefined || rest === undefined) return undefined;
  const needsModel = dependsOnModel(byModel, api);
  const maxBytes = Math.max(...byModel.speakers[api].map(({ maxBufferBytes }) => maxBufferBytes), 0);
  const requested = needsModel
    ? await readForModel({ request, principal, rest, query, holder }, limits, { ...reading, maxBytes })
    : undefined;
  // The client was identified as one of this endpoint, and its own key is for no other one.
  const mayUse = endpointTest(principal, exchange.endpoint);
  const choice = chooseEndpoint({ ...routes, byModel }, { api, model: requested?.name, mayUse }, catalogue);
  if (choice === undefined && requested?.name !== undefined) {
    throw new ProxyFault("model_not_found", modelNotFoundMessage(requested.name));
  }
  const { endpoint, model } = choice ?? {};
  const isReplaced = model !== undefined && model !== requested?.name;
  const changed = isReplaced ? requested?.withModel(model) : undefined;
  exchange.routeTo(endpoint, {
    ...changed?.rest !== undefined && { rest: changed.rest },
    ...changed?.query !== undefined && { query: changed.query },
    ...isReplaced && { modelAsked: requested?.name },
  });
  return changed?.read ?? requested?.read;
}

/** Makes the test whether a client may reach an endpoint by a model. `fallback` is the endpoint for other models. */
export function endpointTest(
  principal: Principal,
  fallback: Endpoint | undefined,
): (endpoint: Endpoint) => boolean {
  const facts = { fallback, isAnonymous: principal.kind === "anonymous" };
  return (endpoint) =>
    allowedEndpoints(principal, [endpoint.name]).length > 0 && isReachable(endpoint, facts);
}
