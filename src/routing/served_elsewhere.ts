/** Finds the path that serves a model, for a request at a path of another API. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import { harmlessText } from "../text/harmless_text.ts";
import { type Choice, type KnownLists, MAX_QUOTED_MODEL, type Unrouted } from "./choose_endpoint.ts";
import type { ModelRouting, RoutingTable } from "./table.ts";

/** The path of each API that calls a model, for people. */
const PATHS: Readonly<Record<UnnamedApi, string>> = {
  openai: "/v1/chat/completions",
  anthropic: "/v1/messages",
  gemini: "/v1beta/models/NAME:generateContent",
  ollama: "/api/chat",
};

/**
 * The error message for a model that only an endpoint with another API than that of the path lists. `undefined` if the
 * chosen endpoint may serve the model, or if no endpoint lists it.
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

// Object.keys returns strings; PATHS has no other keys than those of its type.
const APIS = Object.keys(PATHS) as UnnamedApi[];
