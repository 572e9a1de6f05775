/** Reads a provider's list of models, in the form of OpenAI, Anthropic, Google or Ollama. */

import { isHarmless } from "../text/harmless_text.ts";

/** One model of a provider's list, with what the proxy knows of it. */
export interface ListedModel {
  readonly id: string;
  /** The name for people. `undefined` if the list has none. */
  readonly title?: string;
  /** The owner of the model, as the list states it. */
  readonly ownedBy?: string;
  /** When the model was made, in seconds since 1970. */
  readonly created?: number;
  /** The maximum input in tokens. */
  readonly contextTokens?: number;
  /** The methods of Google's API that the model has. */
  readonly methods?: readonly string[];
  /** What only the list of Ollama's own API has. */
  readonly ollama?: OllamaFacts;
}

/** What Ollama's own list has of a model. */
export interface OllamaFacts {
  /** The size on disk in bytes. */
  readonly size?: number;
  readonly digest?: string;
  /** The format, the family, the number of parameters and the quantization, by Ollama's names. */
  readonly details?: Readonly<Record<string, string | readonly string[]>>;
}

/** How many models of one list are kept. The longest list of 2026 has less than a thousand. */
const MOST_MODELS = 5_000;
/** The longest name of a model, in characters. Rules and prices read no more of a name. */
const MAX_ID = 200;
const MAX_TEXT = 200;
const MAX_METHODS = 20;

/**
 * The members by which servers name the maximum input: Google, Anthropic, OpenRouter, Groq, vLLM, Mistral.
 */
const CONTEXT_MEMBERS = [
  "inputTokenLimit",
  "max_input_tokens",
  "context_length",
  "context_window",
  "max_model_len",
  "max_context_length",
] as const;

/** The members of Ollama's `details`. */
const DETAILS = [
  "parent_model",
  "format",
  "family",
  "families",
  "parameter_size",
  "quantization_level",
] as const;

/** The models of a list, each name once. `undefined` if the text is not a list of models. */
export function readModelList(text: string): readonly ListedModel[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const items = Array.isArray(list) ? list : memberOf(list, "data") ?? memberOf(list, "models");
  if (!Array.isArray(items)) return undefined;
  const models = new Map<string, ListedModel>();
  for (const item of items) {
    const model = readModel(item);
    if (model !== undefined && !models.has(model.id)) models.set(model.id, model);
    if (models.size >= MOST_MODELS) break;
  }
  return [...models.values()];
}

/**
 * A list as text, from which {@link readStoredList} makes it again. `source` are the addresses of the
 * endpoint.
 */
export function storedListText(source: string, models: readonly ListedModel[]): string {
  const data = models.map(({ id, title, ownedBy, created, contextTokens, methods, ollama }) => ({
    id,
    display_name: title,
    owned_by: ownedBy,
    created,
    context_window: contextTokens,
    supportedGenerationMethods: methods,
    ...ollama,
  }));
  return JSON.stringify({ source, data });
}

/** A list that was kept as text. `undefined` if the text is not a list of these addresses. */
export function readStoredList(text: string, source: string): readonly ListedModel[] | undefined {
  try {
    return memberOf(JSON.parse(text), "source") === source ? readModelList(text) : undefined;
  } catch {
    return undefined;
  }
}

function readModel(item: unknown): ListedModel | undefined {
  // Google's names begin with `models/`, which clients leave out.
  const id = textOf(item, "id", MAX_ID) ?? textOf(item, "name", MAX_ID)?.replace(/^models\//, "");
  if (id === undefined) return undefined;
  const title = textOf(item, "display_name") ?? textOf(item, "displayName");
  const ownedBy = textOf(item, "owned_by");
  const created = numberOf(item, "created") ?? secondsOf(textOf(item, "created_at")) ??
    secondsOf(textOf(item, "modified_at"));
  const contextTokens = CONTEXT_MEMBERS.map((name) => numberOf(item, name)).find((one) => one !== undefined);
  const methods = memberOf(item, "supportedGenerationMethods");
  const ollama = ollamaFacts(item);
  return {
    id,
    ...(title !== undefined && { title }),
    ...(ownedBy !== undefined && { ownedBy }),
    ...(created !== undefined && { created }),
    ...(contextTokens !== undefined && { contextTokens }),
    ...(Array.isArray(methods) && { methods: methods.slice(0, MAX_METHODS).filter(isShort) }),
    ...(ollama !== undefined && { ollama }),
  };
}

function ollamaFacts(item: unknown): OllamaFacts | undefined {
  const digest = textOf(item, "digest");
  if (digest === undefined) return undefined;
  const size = numberOf(item, "size");
  const known = memberOf(item, "details");
  const details = DETAILS.flatMap((name): [string, string | string[]][] => {
    const value = memberOf(known, name);
    if (Array.isArray(value)) return [[name, value.slice(0, MAX_METHODS).filter(isShort)]];
    return isShort(value) ? [[name, value]] : [];
  });
  return {
    ...(size !== undefined && { size }),
    digest,
    ...(details.length > 0 && { details: Object.fromEntries(details) }),
  };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  // The own member exists, and the caller checks its value.
  return (value as Readonly<Record<string, unknown>>)[name];
}

function textOf(value: unknown, name: string, maxLength = MAX_TEXT): string | undefined {
  const text = memberOf(value, name);
  return typeof text === "string" && text !== "" && text.length <= maxLength && isHarmless(text)
    ? text
    : undefined;
}

function numberOf(value: unknown, name: string): number | undefined {
  const number = memberOf(value, name);
  return typeof number === "number" && Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

function secondsOf(date: string | undefined): number | undefined {
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT && isHarmless(value);
}
