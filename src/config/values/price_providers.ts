/** Whose published prices hold at an endpoint: the names that `price_provider` takes. */

import * as v from "valibot";
import { closestName } from "./suggest.ts";
import { line, type ValueSchema } from "./values.ts";

/**
 * A server of one's own, whose answers cost nothing; a backend at the address of a provider with published prices costs
 * what these say all the same.
 */
export const LOCAL_PRICES = "local";

/** The ids of the price library. They are written out: the library is loaded only where something is priced. */
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

/** Other names of these, as presets and people spell them. */
export const PRICE_PROVIDER_ALIASES: ReadonlyMap<string, string> = new Map([
  ["bedrock", "aws"],
  ["gemini", "google"],
  ["vertex", "google"],
  ["xai", "x-ai"],
]);

const KNOWN = [LOCAL_PRICES, ...PRICE_PROVIDERS, ...PRICE_PROVIDER_ALIASES.keys()];

/** The name of a provider with published prices, or {@link LOCAL_PRICES}; another name of one becomes its id. */
export const priceProviderSchema: ValueSchema<string> = v.pipe(
  line,
  v.check((text) => KNOWN.includes(text.toLowerCase()), ({ input }) => unknownText(input)),
  v.transform((text) => PRICE_PROVIDER_ALIASES.get(text.toLowerCase()) ?? text.toLowerCase()),
);

function unknownText(name: string): string {
  const near = closestName(name, KNOWN);
  const hint = near === undefined
    ? "llm-proxy prices shows whose prices are known, and local costs nothing"
    : `did you mean ${near}?`;
  return `${JSON.stringify(name)} is no provider with published prices; ${hint}`;
}
