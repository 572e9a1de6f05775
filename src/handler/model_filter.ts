/**
 * Filters the lists of models of an endpoint by the rules of a token, if the endpoint has `filter_models`.
 */

import { operationOf } from "../apis/operation_of.ts";
import type { Endpoint } from "../config/config.ts";
import { allowsModel, restrictsModels } from "../limits/allowed.ts";
import type { ElementFilter } from "../objects/filter_list.ts";
import type { Principal } from "../principal.ts";

/**
 * The filter of the response to a request. `undefined` if the response is no list of models that the proxy
 * filters.
 */
export function modelFilter(
  { request: { method }, endpoint, apiPath }: {
    readonly request: { readonly method: string };
    readonly endpoint: Pick<Endpoint, "filterModels">;
    readonly apiPath: string;
  },
  principal: Principal,
): ElementFilter | undefined {
  const isFiltered = endpoint.filterModels === true && method === "GET" && restrictsModels(principal) &&
    operationOf(method, apiPath) === "models";
  if (!isFiltered) return undefined;
  return {
    purpose: "filter_models must remove models from this list",
    keptElements: (elements) =>
      Promise.resolve(
        new Set(elements.filter(({ id }) => id === undefined || allowsModel(principal, id))),
      ),
  };
}
