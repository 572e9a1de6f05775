/** Recognises the provider of an endpoint, where budgets depend on the behaviour of its API. */

import type { Endpoint } from "../config/config.ts";

/** The part of an endpoint that shows which provider it has. */
export type ProviderOf = Pick<Endpoint, "backends" | "priceProvider">;

/** OpenAI, and Azure, which has the same API. */
const OPENAI = {
  names: new Set(["openai", "azure"]),
  origin: /^https:\/\/(?:api\.openai\.com|[\w.-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.com)$/,
};
/** Providers whose chat completions obey `max_completion_tokens`, by their API references. */
const COMPLETION_LIMIT = {
  names: new Set(["openai", "azure", "groq", "cerebras", "x-ai", "openrouter"]),
  origin:
    /^https:\/\/(?:api\.openai\.com|api\.groq\.com|api\.cerebras\.ai|api\.x\.ai|openrouter\.ai|[\w.-]+\.azure\.com)$/,
};

/** Whether every backend of an endpoint has OpenAI's own API. */
export function isOpenAi(endpoint: ProviderOf): boolean {
  return isAmong(OPENAI, endpoint);
}

/** Whether every backend of an endpoint obeys `max_completion_tokens`. */
export function obeysCompletionLimit(endpoint: ProviderOf): boolean {
  return isAmong(COMPLETION_LIMIT, endpoint);
}

function isAmong(
  { names, origin }: { readonly names: ReadonlySet<string>; readonly origin: RegExp },
  { backends, priceProvider }: ProviderOf,
): boolean {
  if (priceProvider !== undefined && names.has(priceProvider)) return true;
  return backends.every(({ baseUrl }) => origin.test(baseUrl.origin));
}
