/**
 * Decides for a model that no endpoint serves at the path of a request whether it belongs to an endpoint with
 * another API. It also makes the error message for the client.
 */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";
import { isOriginWith } from "../config/values/presets.ts";
import { matchesAny } from "../text/glob.ts";
import { harmlessText } from "../text/harmless_text.ts";
import type { Choice, KnownLists, Unrouted } from "./choice.ts";
import type { ModelRouting, RoutingTable } from "./table.ts";

/** The longest model in an error message, in characters. */
const MAX_QUOTED_MODEL = 100;

/** The path of each API that calls a model, for people. */
const PATHS: Readonly<Record<UnnamedApi, string>> = {
  openai: "/v1/chat/completions",
  anthropic: "/v1/messages",
  gemini: "/v1beta/models/NAME:generateContent",
  ollama: "/api/chat",
};
// Object.keys returns strings. They are the keys of the type of PATHS.
const APIS = Object.keys(PATHS) as UnnamedApi[];

/** A request for which no route, list or name has chosen an endpoint. */
export interface Unplaced {
  readonly model: string;
  readonly api: UnnamedApi;
  /** The endpoint that gets the requests for unknown models. */
  readonly fallback: Endpoint | undefined;
}

/**
 * Whether a model belongs to an endpoint that does not have the API of the path. The prompt of such a request
 * must not go to the fallback.
 */
export function isElsewhere(
  { endpoints, byModel }: Pick<RoutingTable, "endpoints"> & { readonly byModel: ModelRouting },
  { model, api, fallback }: Unplaced,
): boolean {
  const lacksApi = (endpoint: string) => !byModel.speakers[api].some(({ name }) => name === endpoint);
  // A route for all models does not say where this model is.
  const isRouted = byModel.routes.some(({ model: pattern, endpoint }) =>
    pattern !== "*" && matchesAny([pattern], model) && lacksApi(endpoint)
  );
  if (isRouted) return true;
  const prefix = model.slice(0, Math.max(0, model.indexOf("/")));
  // Aggregators have models like `anthropic/claude-sonnet-5`. OpenAI has none.
  return endpoints.has(prefix) && lacksApi(prefix) && fallback !== undefined &&
    fallback.backends.every(({ baseUrl }) => isOriginWith("isOpenAi", baseUrl.origin));
}

/**
 * The error message for a model that only an endpoint with another API than that of the path lists.
 * `undefined` if the chosen endpoint may serve the model, or if no endpoint lists it.
 */
export function servedElsewhereMessage(
  { endpoints, byModel }: Pick<RoutingTable, "endpoints"> & { readonly byModel: ModelRouting },
  { api, model, mayUse }: Unrouted,
  { choice, lists }: { readonly choice: Choice | undefined; readonly lists: KnownLists },
): string | undefined {
  const isKnown = choice !== undefined && choice.reason !== "default" && choice.reason !== "only";
  // An endpoint without a list may have any model.
  if (model === undefined || isKnown || choice !== undefined && !lists.isKnown(choice.endpoint.name)) {
    return undefined;
  }
  const named = byModel.aliases.get(model) ?? model;
  for (const endpoint of endpoints.values()) {
    const { name } = endpoint;
    if (byModel.speakers[api].includes(endpoint) || !mayUse(endpoint)) continue;
    const own = named.startsWith(`${name}/`) ? named.slice(name.length + 1) : named;
    if (!lists.has(name, named) && !lists.has(name, own)) continue;
    const other = APIS.find((one) => byModel.speakers[one].includes(endpoint));
    if (other === undefined) continue;
    const shown = JSON.stringify(harmlessText(model, MAX_QUOTED_MODEL));
    return `The endpoint ${name} serves the model ${shown} at ${PATHS[other]}, and not at this path.`;
  }
  return undefined;
}

/** The error message for a model that no endpoint serves. */
export function modelNotFoundMessage(model: string): string {
  const shown = JSON.stringify(harmlessText(model, MAX_QUOTED_MODEL));
  return `No endpoint of this proxy serves the model ${shown} here. GET /v1/models lists the models.`;
}
