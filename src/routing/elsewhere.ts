/** Finds models of endpoints with another API than that of the request. Another provider must not get their prompts. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import { isOriginWith } from "../config/values/presets.ts";
import { matchesAny } from "../text/glob.ts";
import type { ModelRouting, RoutingTable } from "./table.ts";

/** A request for which no route, list or name has chosen an endpoint. */
export interface Unplaced {
  readonly model: string;
  readonly api: UnnamedApi;
  /** The endpoint that gets the requests for unknown models. */
  readonly fallback: Endpoint | undefined;
}

/** Whether a model belongs to an endpoint that does not have the API of the path. */
export function isElsewhere(
  { endpoints, byModel }: Pick<RoutingTable, "endpoints"> & { readonly byModel: ModelRouting },
  { model, api, fallback }: Unplaced,
): boolean {
  const lacksApi = (endpoint: string) => !byModel.speakers[api].some(({ name }) => name === endpoint);
  // A route for all models does not say where one of them is.
  const isRouted = byModel.routes.some(({ model: pattern, endpoint }) =>
    pattern !== "*" && matchesAny([pattern], model) && lacksApi(endpoint)
  );
  if (isRouted) return true;
  const prefix = model.slice(0, Math.max(0, model.indexOf("/")));
  // Aggregators have models like `anthropic/claude-sonnet-5`. OpenAI has none.
  return endpoints.has(prefix) && lacksApi(prefix) && fallback !== undefined &&
    fallback.backends.every(({ baseUrl }) => isOriginWith("isOpenAi", baseUrl.origin));
}
