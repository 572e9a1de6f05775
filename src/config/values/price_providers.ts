/** The names that `price_provider` takes: providers with published prices, and `local`. */

import * as v from "valibot";
import { PRICE_NAMES } from "./presets.ts";
import { closestName } from "./suggest.ts";
import { singleLine, type ValueSchema } from "./values.ts";

/**
 * The name for your own server, whose responses cost nothing. If it comes from a preset only, a backend at
 * the address of a provider with published prices still costs those prices.
 */
export const LOCAL_PRICES = "local";

/** The provider ids of the price library. They are copied here because the library is loaded on demand. */
export const PRICE_PROVIDERS: readonly string[] = [
  "anthropic",
  "arcee",
  "avian",
  "aws",
  "azure",
  "baseten",
  "cerebras",
  "cloudflare",
  "cohere",
  "cursor",
  "deepseek",
  "doubleword",
  "fireworks",
  "github-copilot",
  "google",
  "groq",
  "huggingface_cerebras",
  "huggingface_fireworks-ai",
  "huggingface_groq",
  "huggingface_hyperbolic",
  "huggingface_nebius",
  "huggingface_novita",
  "huggingface_nscale",
  "huggingface_ovhcloud",
  "huggingface_publicai",
  "huggingface_sambanova",
  "huggingface_together",
  "minimax",
  "mistral",
  "modal",
  "moonshotai",
  "novita",
  "openai",
  "openrouter",
  "ovhcloud",
  "perplexity",
  "quicksilverpro",
  "together",
  "typesafe",
  "voyageai",
  "x-ai",
  "zai",
  "zhipuai",
];

/** Other names of providers, which become the ids of {@link PRICE_PROVIDERS}. */
export const PRICE_PROVIDER_ALIASES: ReadonlyMap<string, string> = new Map([
  ["bedrock", "aws"],
  ["vertex", "google"],
  ...PRICE_NAMES,
]);

const KNOWN = [LOCAL_PRICES, ...PRICE_PROVIDERS, ...PRICE_PROVIDER_ALIASES.keys()];

/** The id of a provider with published prices, or {@link LOCAL_PRICES}. An alias becomes the id. */
export const priceProviderSchema: ValueSchema<string> = v.pipe(
  singleLine,
  v.check((text) => KNOWN.includes(text.toLowerCase()), ({ input }) => unknownText(input)),
  v.transform((text) => PRICE_PROVIDER_ALIASES.get(text.toLowerCase()) ?? text.toLowerCase()),
);

function unknownText(name: string): string {
  const near = closestName(name, KNOWN);
  const hint = near === undefined
    ? "llm-proxy prices lists the known providers, and local costs nothing"
    : `did you mean ${near}?`;
  return `${JSON.stringify(name)} is not a provider with published prices; ${hint}`;
}
