/** Merges the lists of several endpoints into one, in the form of the API that a client uses. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Pause } from "../payload/pace.ts";
import { concat } from "../streams/bytes.ts";
import type { ListedModel } from "./model_list.ts";

/** What is known of a model besides its list. */
export interface ModelFacts {
  /** The maximum input in tokens. */
  readonly contextTokens?: number | undefined;
  /** US dollars per million tokens. */
  readonly inputPrice?: number | undefined;
  readonly outputPrice?: number | undefined;
}

/** One model of a merged list. */
export interface MergedModel {
  /** The name that clients use. */
  readonly id: string;
  readonly endpoint: string;
  /** The APIs by which clients reach the model. */
  readonly dialects: readonly string[];
  /** The entry of the endpoint's list. `undefined` if the name is an alias for a model that no list has. */
  readonly listed: ListedModel | undefined;
  /** The name that the alias stands for. `undefined` if the name is not an alias. */
  readonly aliasOf?: string;
  readonly facts: ModelFacts;
}

/** The list of one endpoint. */
export interface EndpointList {
  readonly endpoint: string;
  readonly dialects: readonly string[];
  readonly models: readonly ListedModel[];
}

/**
 * The models of all lists, in their order. A name of several lists stands for the model of the first one, and
 * the models of the others have names like `ENDPOINT/MODEL`. `isAllowed` gets the names by which rules may
 * know a model, and `ownerOf` says which endpoint gets the requests for a name that begins with its own name.
 */
export async function mergedModels(
  lists: readonly EndpointList[],
  { isAllowed, ownerOf, factsOf, pause }: {
    isAllowed: (...names: readonly string[]) => boolean;
    ownerOf: (model: string) => string | undefined;
    factsOf: (endpoint: string, model: string) => ModelFacts;
    pause: Pause;
  },
): Promise<MergedModel[]> {
  const seen = new Set<string>();
  const merged: MergedModel[] = [];
  for (const { endpoint, dialects, models } of lists) {
    for (const [index, listed] of models.entries()) {
      if (index % MODELS_IN_STEP === 0) await pause();
      const isTaken = seen.has(listed.id) || (ownerOf(listed.id) ?? endpoint) !== endpoint;
      const id = isTaken ? `${endpoint}/${listed.id}` : listed.id;
      // A list that the client may not use counts too, because the name alone goes to the first endpoint for
      // every client.
      seen.add(id);
      if (!isAllowed(listed.id, id)) continue;
      merged.push({ id, endpoint, dialects, listed, facts: factsOf(endpoint, listed.id) });
    }
  }
  return merged;
}

/** How many models are read or written between two looks at the clock. */
const MODELS_IN_STEP = 64;

/** The JSON text of a list of models, in the form of an API. */
export async function modelListText(
  api: UnnamedApi,
  models: readonly MergedModel[],
  pause: Pause,
): Promise<Uint8Array> {
  const { model, begin, end } = SHAPES[api];
  const encoder = new TextEncoder();
  const parts = [encoder.encode(begin)];
  for (let at = 0; at < models.length; at += MODELS_IN_STEP) {
    await pause();
    const texts = models.slice(at, at + MODELS_IN_STEP).map((one) => JSON.stringify(model(one)));
    parts.push(encoder.encode(`${at === 0 ? "" : ","}${texts.join(",")}`));
  }
  parts.push(encoder.encode(end(models)));
  return concat(parts);
}

/** The JSON text of one model, in the form of an API. */
export function modelText(api: UnnamedApi, model: MergedModel): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(SHAPES[api].model(model)));
}

interface Shape {
  readonly model: (model: MergedModel) => unknown;
  /** The text before the models of a list, and after them. */
  readonly begin: string;
  readonly end: (models: readonly MergedModel[]) => string;
}

/** Clients of Ollama expect all members. */
const NO_DETAILS = {
  parent_model: "",
  format: "",
  family: "",
  families: [],
  parameter_size: "",
  quantization_level: "",
};

const SHAPES: Readonly<Record<UnnamedApi, Shape>> = {
  openai: {
    model: ({ id, endpoint, dialects, listed, aliasOf, facts }) => ({
      id,
      object: "model",
      created: listed?.created ?? 0,
      owned_by: listed?.ownedBy ?? endpoint,
      endpoint,
      dialects,
      ...(aliasOf !== undefined && { alias_of: aliasOf }),
      ...contextMember("context_window", listed, facts),
      ...(facts.inputPrice !== undefined && facts.outputPrice !== undefined && {
        usd_per_million_tokens: { input: facts.inputPrice, output: facts.outputPrice },
      }),
    }),
    begin: '{"object":"list","data":[',
    end: () => "]}",
  },
  anthropic: {
    model: ({ id, listed, facts }) => ({
      type: "model",
      id,
      display_name: listed?.title ?? id,
      created_at: dateOf(listed),
      ...contextMember("max_input_tokens", listed, facts),
    }),
    begin: '{"data":[',
    end: (models) => `],"has_more":false,"first_id":${idText(models[0])},"last_id":${idText(models.at(-1))}}`,
  },
  gemini: {
    model: ({ id, listed, facts }) => ({
      name: `models/${id}`,
      displayName: listed?.title ?? id,
      ...contextMember("inputTokenLimit", listed, facts),
      supportedGenerationMethods: listed?.methods ?? ["generateContent"],
    }),
    begin: '{"models":[',
    end: () => "]}",
  },
  ollama: {
    model: ({ id, listed }) => ({
      name: id,
      model: id,
      modified_at: dateOf(listed),
      size: listed?.ollama?.size ?? 0,
      digest: listed?.ollama?.digest ?? "",
      details: { ...NO_DETAILS, ...listed?.ollama?.details },
    }),
    begin: '{"models":[',
    end: () => "]}",
  },
};

function contextMember(
  name: string,
  listed: ListedModel | undefined,
  facts: ModelFacts,
): Record<string, number> {
  const tokens = listed?.contextTokens ?? facts.contextTokens;
  return tokens === undefined ? {} : { [name]: tokens };
}

function dateOf(listed: ListedModel | undefined): string {
  return new Date((listed?.created ?? 0) * 1000).toISOString();
}

function idText(model: MergedModel | undefined): string {
  return JSON.stringify(model?.id ?? null);
}
