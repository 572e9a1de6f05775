/**
 * Published prices, from `@pydantic/genai-prices`. Its data is part of the program, and a file may have newer
 * data. This module sends no requests.
 */

import {
  calcPrice,
  findProvider,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
  type Provider,
  REMOTE_DATA_JSON_URL,
  updatePrices,
  waitForUpdate,
} from "@pydantic/genai-prices";
import project from "../../../deno.json" with { type: "json" };
import type { Price } from "../../config/config.ts";
import type { PriceLibrary } from "./cost.ts";
import type { PublishedPrice } from "./published_cost.ts";
import { publishedKinds } from "./dear_kinds.ts";
import type { PriceList } from "./price_list.ts";

const SPECIFIER = project.imports["@pydantic/genai-prices"];
const MAX_MODELS = 1_000;
/** The longest name that is looked up, in characters. No model has a longer name. */
const MAX_NAME = 256;

/**
 * The built-in list. It is read here, because the library has one list for the whole process, and
 * {@link openPrices} replaces it.
 */
const BUILT_IN: Promise<Provider[] | null> = waitForUpdate();

/** Kinds of prices that do not count for a flat price, because simple usage never has them. */
const OTHER_KINDS = /audio|image|video|tool|citation|reasoning|_5m_|_1h_|search|storage/;
/** Kinds of prices that cover searches. Perplexity's price of a request includes its searches. */
const SEARCH_KINDS: readonly string[] = ["web_searches_kcount", "storage_searches_kcount", "requests_kcount"];
/** The kinds of prices that a flat price consists of. */
const FLAT_KINDS: readonly string[] = ["input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"];
/** Models that are not free, although the list has no price of them. */
const NOT_FREE: ReadonlySet<string> = new Set(["cerebras/qwen-3-coder-480b"]);

/** The URL of the newest list of the library. */
export const PRICES_URL: string = REMOTE_DATA_JSON_URL;

/** The version of the built-in list, which is stored with costs. */
export const BUILT_IN_VERSION: string = SPECIFIER.replace(/^npm:@pydantic\//, "").replace("@", " ");

/** The providers of the built-in list of prices. */
export async function builtInProviders(): Promise<readonly Provider[]> {
  return await BUILT_IN ?? [];
}

/**
 * The list of the npm package, which has one list for the whole process. `undefined` until the first
 * {@link useList}: the built-in list.
 */
let listInUse: readonly Provider[] | undefined;

/** Gives the npm package a list. Call it before each look-up: another library may have used another list. */
function useList(providers: readonly Provider[] | undefined): void {
  if (providers === undefined || providers === listInUse) return;
  updatePrices(({ setProviderData }) => setProviderData([...providers]));
  listInUse = providers;
}

/**
 * Opens the library with a list, or else with the current list: the built-in list, or the list of the last
 * {@link openPrices}.
 */
export function publishedPrices(
  version: string = BUILT_IN_VERSION,
  list: readonly Provider[] | undefined = listInUse,
): PriceLibrary {
  // Finding a model takes longer than computing its cost, so the results are cached.
  const known = new Map<string, PublishedPrice | undefined>();
  const providers = new Map<string, string | undefined>();
  const addresses = new Map<string, string | undefined>();
  const inList = <Found>(find: () => Found): Found => {
    useList(list);
    return find();
  };
  return {
    version,
    knows: (provider) => inList(() => findProvider({ providerId: provider })?.id !== undefined),
    providerAt: (url) =>
      remembered(addresses, url, () => inList(() => findProvider({ providerApiUrl: url })?.id)),
    priceOf: (model, provider) =>
      model.length > MAX_NAME
        ? undefined
        : remembered(known, `${provider} ${model}`, () => inList(() => findPrice(model, provider))),
    providerOf: (model) =>
      model.length > MAX_NAME
        ? undefined
        : remembered(providers, model, () => inList(() => findProviderOf(model))),
  };
}

/**
 * Opens the library with a list. `undefined` means the built-in list. Libraries that were opened earlier keep
 * their lists, because running requests have their prices.
 */
export async function openPrices(list: PriceList | undefined): Promise<PriceLibrary> {
  const providers = list?.providers ?? await builtInProviders();
  useList(providers);
  return publishedPrices(list?.version, providers);
}

function remembered<Value>(map: Map<string, Value>, key: string, find: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined || map.has(key)) return known as Value; // The map has only values of this type.
  if (map.size >= MAX_MODELS) map.clear();
  const found = find();
  map.set(key, found);
  return found;
}

function findProviderOf(model: string): string | undefined {
  try {
    return calcPrice({ input_tokens: 1, output_tokens: 1 }, model)?.provider.id;
  } catch {
    return undefined;
  }
}

function findPrice(model: string, providerId: string): PublishedPrice | undefined {
  const match = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId });
  if (match === null || NOT_FREE.has(`${match.provider.id}/${match.model.id}`)) return undefined;
  const freeBy = pricesOf(match.model.prices).some(isFree)
    ? matchedBy(match.model.match, model.toLowerCase().trim())
    : undefined;
  if (freeBy === "part") return undefined;
  const provider = { ...match.provider, models: [match.model] };
  return {
    isFreeFamily: freeBy === "beginning",
    flat: flatPrice(match.model.prices),
    contextTokens: match.model.context_window,
    pricesSearches: pricesOf(match.model.prices).some((prices) =>
      SEARCH_KINDS.some((kind) => kind in prices)
    ),
    pricesTokens: pricesOf(match.model.prices).some(pricesTokens),
    kinds: publishedKinds(new Set(pricesOf(match.model.prices).flatMap(Object.keys))),
    cost: (usage, at) => calcPrice({ ...usage }, model, { provider, timestamp: at })?.total_price,
  };
}

/** Whether nothing has a price, or the price of text is 0. */
function isFree(prices: ModelPrice): boolean {
  const kinds = Object.keys(prices);
  const ofText = kinds.filter((kind) => kind === "input_mtok" || kind === "output_mtok");
  return (kinds.length === 0 || ofText.length > 0) && ofText.every((kind) => isZero(prices[kind]));
}

function isZero(price: ModelPrice[string]): boolean {
  return typeof price === "object" && price !== null
    ? price.base === 0 && price.tiers.every((tier) => tier.price === 0)
    : price === 0 || price === undefined;
}

/**
 * By what an entry matches a name: by the whole name, by its beginning, or by some part of it. Clients choose
 * the names, so a part proves nothing: OpenAI's free entry matches every name that contains "moderation".
 */
function matchedBy(match: MatchLogic, name: string): "name" | "beginning" | "part" {
  if ("equals" in match) return name === match.equals.toLowerCase() ? "name" : "part";
  if ("starts_with" in match) return name.startsWith(match.starts_with.toLowerCase()) ? "beginning" : "part";
  if (!("or" in match) && !("and" in match)) return "part";
  const found = ("or" in match ? match.or : match.and).map((one) => matchedBy(one, name));
  return found.find((by) => by === "name") ?? found.find((by) => by === "beginning") ?? "part";
}

/** Whether any kind of token has a price, or the model is free because it has no price. */
function pricesTokens(prices: ModelPrice): boolean {
  const kinds = Object.keys(prices);
  return kinds.length === 0 || kinds.some((kind) => kind.endsWith("_mtok"));
}

/** Returns the prices of a model at all times. */
function pricesOf(prices: ModelInfo["prices"]): ModelPrice[] {
  return Array.isArray(prices) ? prices.map((conditional) => conditional.prices) : [prices];
}

/**
 * Returns the constant prices of a model. `undefined` if a price depends on the time or the amount, or is of
 * a rare kind.
 */
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
