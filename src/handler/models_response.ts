/**
 * Answers `GET /v1/models` without the name of an endpoint: the models of all endpoints that the client may
 * use.
 */

import { checkEndpointPath, checkTokenPath } from "../admission/checked_paths.ts";
import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import {
  type MergedModel,
  mergedModels,
  type ModelFacts,
  modelListText,
  modelText,
} from "../catalogue/merged_list.ts";
import type { Endpoint } from "../config/config.ts";
import { dialectsOf } from "../config/values/presets.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, field } from "../http/fields.ts";
import { allowsModel } from "../limits/allowed.ts";
import type { Principal } from "../principal.ts";
import { createPause, type Pause } from "../payload/pace.ts";
import type { MergedListCache } from "../catalogue/merged_list_cache.ts";
import { endpointTest } from "./route_by_model.ts";
import { chooseEndpoint, prefixedEndpoint } from "../routing/choose_endpoint.ts";
import type { ModelRouting, RoutingTable } from "../routing/table.ts";
import { modelNotFoundMessage } from "../routing/unserved_model.ts";

/** How long a response waits for endpoints that have sent no list yet. */
const MAX_WAIT_MS = 1_000;

/** A request for the list of models, or for one model. */
export interface ModelsRequest {
  readonly api: UnnamedApi;
  /** The endpoints whose lists are merged, in the order of the file. */
  readonly endpoints: readonly Endpoint[];
  /** The name of the model. `undefined` for the whole list. */
  readonly id: string | undefined;
}

/** The paths of the lists, with the name of a model. */
const PATHS: Readonly<Record<UnnamedApi, RegExp>> = {
  openai: /^\/v1\/models(?:\/(.*))?$/,
  anthropic: /^\/v1\/models(?:\/(.*))?$/,
  gemini: /^\/v1(?:beta)?\/models(?:\/([^:]*))?$/,
  ollama: /^\/api\/tags\/?$/,
};

/**
 * Recognises a request whose response is merged from several lists. `undefined` for another request, or one
 * that a single endpoint answers itself.
 */
export function modelsRequestOf(
  { method, path }: { method: string; path: string },
  { byModel, endpoints: all }: Pick<RoutingTable, "byModel" | "endpoints">,
  api: UnnamedApi,
): ModelsRequest | undefined {
  if (byModel === undefined || method !== "GET" && method !== "HEAD" || all.size < 2) return undefined;
  const found = PATHS[api].exec(path);
  if (found === null) return undefined;
  // OpenAI's form is the list of everything: its other members say which API has a model.
  const endpoints = api === "openai" ? [...all.values()] : byModel.speakers[api];
  return { api, endpoints, id: decoded(found[1] || undefined) };
}

function decoded(id: string | undefined): string | undefined {
  try {
    return id && decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** What a list is made from. */
export interface ModelsParts {
  readonly routes: RoutingTable;
  readonly catalogue: Pick<Catalogue, "refreshed" | "list" | "model" | "revision" | "has" | "isKnown">;
  /** The lists that were made before, of the same configuration. */
  readonly mergedLists: MergedListCache;
  /** What accounting knows of a model. */
  readonly factsOf: (endpoint: string, model: string) => ModelFacts;
}

/** The headers of a response with models, and its JSON text. */
export interface ModelsResponse {
  readonly fields: readonly Field[];
  readonly text: Uint8Array;
}

/**
 * Answers a request for models. Throws `model_not_found` for an unknown one, and `forbidden` by a rule for
 * paths. `undefined` if no endpoint has sent its list. The default endpoint then gets the request, because
 * its error says more.
 */
export async function modelsResponse(
  { api, endpoints, id }: ModelsRequest,
  { routes, catalogue, mergedLists, factsOf }: ModelsParts,
  { principal, path, fields, requestId }: {
    principal: Principal;
    path: string;
    fields: readonly Field[];
    requestId: string;
  },
): Promise<ModelsResponse | undefined> {
  const { byModel } = routes;
  if (byModel === undefined) throw new TypeError("BUG: modelsResponse() without routing by model");
  const mayUse = endpointTest(principal, byModel.fallbacks[api]);
  const head = { request: { method: "GET", fields }, apiPath: path, query: "", isWebSocket: false };
  const usable = withOpenPath(endpoints.filter(mayUse), { principal, head });
  await catalogue.refreshed(usable.map(({ name }) => name), MAX_WAIT_MS);
  const [known, missing] = partition(usable, ({ name }) => catalogue.isKnown(name));
  const fallback = byModel.fallbacks[api];
  if (known.length === 0 && fallback !== undefined && mayUse(fallback)) return undefined;
  const rules = principal.subjects.map((subject) => subject.rules.models);
  const reachable = [...routes.endpoints.values()].filter(mayUse);
  const key = JSON.stringify([api, catalogue.revision, rules, ...[known, reachable].map(namesOf)]);
  const list = await mergedLists.get(key, async () => {
    const pause = createPause();
    const isAllowed = (...names: readonly string[]) => allowsModel(principal, ...names);
    const ownerOf = (model: string) => prefixedEndpoint(routes.endpoints, model, catalogue)?.endpoint.name;
    const lists = known.map((endpoint) => ({
      endpoint: endpoint.name,
      dialects: dialectsOf(endpoint),
      models: catalogue.list(endpoint.name) ?? [],
    }));
    const merged = await mergedModels(lists, { isAllowed, ownerOf, factsOf, pause });
    const named = { api, mayUse, catalogue, isAllowed, factsOf, pause };
    const models = [...merged, ...await aliases({ routes, byModel }, named, merged)];
    return { models, text: await modelListText(api, models, pause) };
  });
  const wanted = id === undefined ? undefined : list.models.find((model) => model.id === id);
  if (id !== undefined && wanted === undefined) {
    throw new ProxyFault("model_not_found", modelNotFoundMessage(id));
  }
  return {
    fields: [
      field("content-type", "application/json"),
      field("x-request-id", requestId),
      ...(missing.length === 0 ? [] : [field("x-llm-proxy-missing", namesOf(missing).join(", "))]),
    ],
    text: wanted === undefined ? list.text : modelText(api, wanted),
  };
}

function namesOf(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ name }) => name);
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

/**
 * The endpoints whose own rules and those of the token allow the path of the list. Throws `forbidden` if
 * no endpoint is left.
 */
function withOpenPath(
  endpoints: readonly Endpoint[],
  { principal, head }: { principal: Principal; head: Parameters<typeof checkTokenPath>[2] },
): readonly Endpoint[] {
  let refusal: ProxyFault | undefined;
  const open = endpoints.filter((endpoint) => {
    try {
      const { request, apiPath, query, isWebSocket } = head;
      checkEndpointPath(endpoint, { ...request, path: apiPath, query, isWebSocket });
      checkTokenPath(principal, endpoint, head);
      return true;
    } catch (error) {
      if (!(error instanceof ProxyFault)) throw error;
      refusal ??= error;
      return false;
    }
  });
  if (open.length === 0 && refusal !== undefined) throw refusal;
  return open;
}

/** The aliases, and the routes with a whole name that send another one, as models. */
async function aliases(
  { routes, byModel }: { routes: RoutingTable; byModel: ModelRouting },
  { api, mayUse, catalogue, isAllowed, factsOf, pause }: {
    api: UnnamedApi;
    mayUse: (endpoint: Endpoint) => boolean;
    catalogue: ModelsParts["catalogue"];
    isAllowed: (...names: readonly string[]) => boolean;
    factsOf: ModelsParts["factsOf"];
    pause: Pause;
  },
  merged: readonly MergedModel[],
): Promise<MergedModel[]> {
  const taken = new Set(merged.map(({ id }) => id));
  const names = new Set([
    ...byModel.aliases.keys(),
    ...byModel.routes.flatMap(({ model, to }) => to === undefined || model.includes("*") ? [] : [model]),
  ]);
  const found: MergedModel[] = [];
  for (const name of names) {
    await pause();
    const choice = chooseEndpoint({ ...routes, byModel }, { api, model: name, mayUse }, catalogue);
    // If the API does not reach the model of an alias, a request for the alias would go to the default
    // endpoint, which does not have the model.
    const isKnown = choice !== undefined && choice.reason !== "default" && choice.reason !== "only";
    if (!isKnown || choice.model === undefined || taken.has(name) || !isAllowed(name, choice.model)) continue;
    const { endpoint, model } = choice;
    found.push({
      id: name,
      endpoint: endpoint.name,
      dialects: dialectsOf(endpoint),
      listed: catalogue.model(endpoint.name, model),
      aliasOf: `${endpoint.name}/${model}`,
      facts: factsOf(endpoint.name, model),
    });
  }
  return found;
}
