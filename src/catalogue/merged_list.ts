/** Merges the lists of several endpoints into one, in the form of the API that a client uses. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
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
  /** The entry of the endpoint's list. Undefined: the name is an alias for a model that no list has. */
  readonly listed: ListedModel | undefined;
  /** The name that the alias stands for. Undefined: the name is not an alias. */
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
 * The models of all lists, in their order. A name of several lists stands for the model of the first one, and the
 * models of the others have names like `ENDPOINT/MODEL`. `isAllowed` gets the names by which rules may know a model.
 */
export function mergedModels(
  lists: readonly EndpointList[],
  { isAllowed, factsOf }: {
    isAllowed: (...names: readonly string[]) => boolean;
    factsOf: (endpoint: string, model: string) => ModelFacts;
  },
): MergedModel[] {
  const seen = new Set<string>();
  return lists.flatMap(({ endpoint, dialects, models }) =>
    models.flatMap((listed) => {
      const longName = `${endpoint}/${listed.id}`;
      const id = seen.has(listed.id) ? longName : listed.id;
      // Also if the client may not use it: the name alone goes to the first endpoint for every client.
      seen.add(id);
      if (!isAllowed(listed.id, id)) return [];
      return [{ id, endpoint, dialects, listed, facts: factsOf(endpoint, listed.id) }];
    })
  );
}

/** The body of a list of models, or of one model, in the form of an API. */
export function modelsBody(
  api: UnnamedApi,
  models: readonly MergedModel[] | MergedModel,
): unknown {
  const shape = SHAPES[api];
  return Array.isArray(models) ? shape.list(models.map(shape.model)) : shape.model(one(models));
}

/** `Array.isArray` does not narrow a readonly array. */
function one(models: readonly MergedModel[] | MergedModel): MergedModel {
  return models as MergedModel;
}

interface Shape {
  readonly model: (model: MergedModel) => unknown;
  readonly list: (models: readonly unknown[]) => unknown;
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
    list: (data) => ({ object: "list", data }),
  },
  anthropic: {
    model: ({ id, listed, facts }) => ({
      type: "model",
      id,
      display_name: listed?.title ?? id,
      created_at: dateOf(listed),
      ...contextMember("max_input_tokens", listed, facts),
    }),
    list: (data) => ({ data, has_more: false, first_id: idOf(data[0]), last_id: idOf(data.at(-1)) }),
  },
  gemini: {
    model: ({ id, listed, facts }) => ({
      name: `models/${id}`,
      displayName: listed?.title ?? id,
      ...contextMember("inputTokenLimit", listed, facts),
      supportedGenerationMethods: listed?.methods ?? ["generateContent"],
    }),
    list: (models) => ({ models }),
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
    list: (models) => ({ models }),
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

function idOf(model: unknown): string | null {
  return typeof model === "object" && model !== null && "id" in model && typeof model.id === "string"
    ? model.id
    : null;
}
