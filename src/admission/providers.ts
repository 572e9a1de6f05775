/** Recognises the provider of an endpoint, where budgets depend on the behaviour of its API. */

import type { Endpoint } from "../config/config.ts";
import { isOriginWith, isPriceProviderWith, type ProviderProperty } from "../config/values/presets.ts";

/** The part of an endpoint that shows which provider it has. */
export type ProviderOf = Pick<Endpoint, "backends" | "priceProvider">;

/** Whether every backend of an endpoint has OpenAI's own API. */
export function isOpenAi(endpoint: ProviderOf): boolean {
  return areAll("isOpenAi", endpoint);
}

/** Whether every backend of an endpoint obeys `max_completion_tokens`. */
export function obeysCompletionLimit(endpoint: ProviderOf): boolean {
  return areAll("obeysCompletionLimit", endpoint);
}

function areAll(property: ProviderProperty, { backends, priceProvider }: ProviderOf): boolean {
  if (priceProvider !== undefined && isPriceProviderWith(property, priceProvider)) return true;
  return backends.every(({ baseUrl }) => isOriginWith(property, baseUrl.origin));
}
