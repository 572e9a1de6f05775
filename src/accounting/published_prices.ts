/** Published prices, by `@pydantic/genai-prices`: its data is part of the program, nothing is fetched. */

import { calcPrice, findProvider, type ModelInfo, type ModelPrice } from "@pydantic/genai-prices";
import project from "../../deno.json" with { type: "json" };
import type { Price } from "../config/schema.ts";
import type { PriceLibrary, PublishedPrice } from "./cost.ts";

const SPECIFIER = project.imports["@pydantic/genai-prices"];
const MAX_MODELS = 1_000;

/** Prices of kinds that a flat price is used without: what they are for is not plain usage, or is not counted here. */
const OTHER_KINDS = /audio|image|video|tool|citation|reasoning|_5m_|_1h_|search|storage/;
const SEARCH_KINDS: readonly string[] = ["web_searches_kcount", "storage_searches_kcount"];
/** What it is made of. */
const FLAT_KINDS: readonly string[] = ["input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"];

/** Opens the library. */
export function publishedPrices(): PriceLibrary {
  // To find a model among hundreds takes longer than to price it.
  const known = new Map<string, PublishedPrice | undefined>();
  return {
    version: SPECIFIER.replace(/^npm:@pydantic\//, "").replace("@", " "),
    knows: (provider) => findProvider({ providerId: provider })?.id !== undefined,
    providerAt: (url) => findProvider({ providerApiUrl: url })?.id,
    priceOf(model, provider) {
      const key = `${provider} ${model}`;
      if (!known.has(key)) {
        if (known.size >= MAX_MODELS) known.clear();
        known.set(key, findPrice(model, provider));
      }
      return known.get(key);
    },
  };
}

function findPrice(model: string, providerId: string): PublishedPrice | undefined {
  const match = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId });
  if (match === null) return undefined;
  const provider = { ...match.provider, models: [match.model] };
  return {
    flat: flatPrice(match.model.prices),
    contextTokens: match.model.context_window,
    pricesSearches: pricesOf(match.model.prices).some((prices) =>
      SEARCH_KINDS.some((kind) => kind in prices)
    ),
    cost: (usage, at) => calcPrice({ ...usage }, model, { provider, timestamp: at })?.total_price,
  };
}

/** All that hold at some time. */
function pricesOf(prices: ModelInfo["prices"]): ModelPrice[] {
  return Array.isArray(prices) ? prices.map((conditional) => conditional.prices) : [prices];
}

/** Undefined where a price depends on the time, on the amount, or is one of a rarer kind. */
function flatPrice(prices: ModelInfo["prices"]): Price | undefined {
  if (Array.isArray(prices)) return undefined;
  const numbers = new Map<string, number>();
  for (const [kind, price] of Object.entries(prices)) {
    if (price === undefined || OTHER_KINDS.test(kind)) continue;
    if (typeof price !== "number" || !FLAT_KINDS.includes(kind)) return undefined;
    numbers.set(kind, price);
  }
  const input = numbers.get("input_mtok");
  const output = numbers.get("output_mtok");
  if (input === undefined || output === undefined) return undefined;
  const cached = numbers.get("cache_read_mtok");
  const cacheWrite = numbers.get("cache_write_mtok");
  return {
    input,
    output,
    ...(cached !== undefined && { cached }),
    ...(cacheWrite !== undefined && { cacheWrite }),
  };
}
