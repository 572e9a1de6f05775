/** Computes the cost of usage, by the prices of the configuration or by published prices. */

import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Price, PricedModel } from "../config/config.ts";
import { SOUND_TOKENS_PER_SECOND } from "./input_usage.ts";
import { modelSpellings } from "../text/model_spellings.ts";
import { ownKinds } from "./dear_kinds.ts";
import type { Usage, UsageKind } from "./usage.ts";

/** The library of published prices. */
export interface PriceLibrary {
  /** The name and version of its list, which is stored with every cost. */
  readonly version: string;
  /** The price of a model. Undefined if the library has none. */
  readonly priceOf: (model: string, provider: string) => PublishedPrice | undefined;
  /** Whether the library has prices of a provider. */
  readonly knows: (provider: string) => boolean;
  /** The provider at a URL. Undefined if the library does not know the URL. */
  readonly providerAt: (url: string) => string | undefined;
  /** A provider that has a price for a model. Undefined if no provider has one. */
  readonly providerOf: (model: string) => string | undefined;
}

/** The published price of one model. */
export interface PublishedPrice {
  /** The prices in US dollars per million tokens, if each is constant. Undefined if they vary. */
  readonly flat: Price | undefined;
  /** The maximum input in tokens. Undefined if it is unknown. */
  readonly contextTokens: number | undefined;
  /** Computes a cost in US dollars. Throws for impossible usage. */
  readonly cost: (usage: Readonly<Record<string, number>>, at: Date) => number | undefined;
  /** Whether searches have a price. */
  readonly pricesSearches: boolean;
  /** Whether tokens have a price, or nothing of the model costs anything. False for models priced by the hour. */
  readonly pricesTokens: boolean;
  /** The kinds of tokens that have a price of their own. */
  readonly kinds: ReadonlySet<UsageKind>;
}

/** The part of a backend that decides prices. */
export interface PricedEndpoint {
  /** The backend's base URL. */
  readonly url: string;
  /** The provider whose prices apply, by the configuration. `local` means that nothing costs anything. */
  readonly provider: string | undefined;
  /** The prices of the configuration. The first match counts. */
  readonly prices: readonly PricedModel[];
}

/** A cost in millionths of a US dollar, and the list of its price. */
export interface Cost {
  readonly micros: number;
  readonly version: string;
  /** Set if a part of the usage has no known price, so that the real cost is higher. */
  readonly isPartial?: true;
}

/**
 * The versions that are stored with costs by the prices of the configuration, costs that the provider states,
 * and costs of local servers.
 */
const OWN_VERSION = "configuration";
export const STATED_VERSION = "provider";
const LOCAL_VERSION = "local";
const NO_KINDS: ReadonlySet<UsageKind> = new Set();
/** Providers that state the cost of each response, tools included. */
const STATING: ReadonlySet<string> = new Set(["openrouter", "perplexity", "x-ai"]);

/** Computes costs by the prices of the configuration and of a library. */
export class Pricer {
  #library: PriceLibrary;

  constructor(library: PriceLibrary) {
    this.#library = library;
  }

  /** Replaces the library. Later costs use the new prices. */
  use(library: PriceLibrary): void {
    this.#library = library;
  }

  /** The library that is in use. */
  get library(): PriceLibrary {
    return this.#library;
  }

  /**
   * The cost of usage. Undefined if it is unknown. Tries `models` in their order: the model of the response,
   * then the model of the request. Prices of the configuration come first, then the cost that the provider
   * states, then published prices.
   */
  cost(
    usage: Usage,
    { models, endpoint, epochMs }: {
      models: readonly string[];
      endpoint: PricedEndpoint;
      epochMs: number;
    },
  ): Cost | undefined {
    const { statedCostMicros } = usage;
    if (
      usage.inputTokens === undefined && usage.outputTokens === undefined &&
      usage.inputAudioSeconds === undefined && statedCostMicros === undefined
    ) {
      return undefined;
    }
    const own = ownPrice(models, endpoint);
    if (own !== undefined) {
      const { webSearches, fileSearches, ...rest } = usage;
      const unpriced = {
        ...rest,
        ...(own.webSearches === undefined && webSearches !== undefined && { webSearches }),
        ...(own.fileSearches === undefined && fileSearches !== undefined && { fileSearches }),
      };
      return cost({ micros: ownCost(usage, own), version: OWN_VERSION }, unpriced, { pricesSearches: false });
    }
    if (statedCostMicros !== undefined) {
      return { micros: Math.round(statedCostMicros), version: STATED_VERSION };
    }
    const provider = this.providerOf(endpoint);
    if (provider === undefined) return undefined;
    if (provider === LOCAL_PRICES) return { micros: 0, version: LOCAL_VERSION };
    for (const model of models) {
      const price = this.#publishedPrice(model, provider);
      if (price === undefined) continue;
      const micros = publishedCost(usage, price, epochMs);
      // The model costs something, but has no price for usage of this kind.
      if (micros === 0 && !price.pricesTokens && hasTokens(usage)) continue;
      if (micros !== undefined) return cost({ micros, version: this.#library.version }, usage, price);
    }
    return undefined;
  }

  /** The maximum input of a model in tokens. `Infinity` if it is unknown. */
  contextTokens(model: string, endpoint: PricedEndpoint): number {
    const provider = this.providerOf(endpoint);
    const price = provider === undefined ? undefined : this.#publishedPrice(model, provider);
    return price?.contextTokens ?? Infinity;
  }

  /** Whether a model has a price at a backend. */
  hasPrice(model: string, endpoint: PricedEndpoint): boolean {
    if (ownPrice([model], endpoint) !== undefined) return true;
    const provider = this.providerOf(endpoint);
    return provider === LOCAL_PRICES ||
      provider !== undefined && this.#publishedPrice(model, provider) !== undefined;
  }

  /** The kinds of tokens that have a price of their own for a model at a backend. */
  kindsOf(model: string, endpoint: PricedEndpoint): ReadonlySet<UsageKind> {
    const own = ownPrice([model], endpoint);
    if (own !== undefined) return ownKinds(own);
    const provider = this.providerOf(endpoint);
    const price = provider === undefined ? undefined : this.#publishedPrice(model, provider);
    return price?.kinds ?? NO_KINDS;
  }

  /** Whether the provider states the cost of each response, and the configuration has no price of the model. */
  statesCost(model: string, endpoint: PricedEndpoint): boolean {
    return ownPrice([model], endpoint) === undefined && STATING.has(this.providerOf(endpoint) ?? "");
  }

  #publishedPrice(model: string, provider: string): PublishedPrice | undefined {
    // The list has most names as they are.
    const exact = this.#library.priceOf(model, provider);
    if (exact !== undefined) return exact;
    for (const spelling of modelSpellings(model)) {
      const price = this.#library.priceOf(spelling, provider);
      if (price !== undefined) return price;
    }
    return undefined;
  }

  /** Whether any model can have a price at a backend. */
  hasPrices(endpoint: PricedEndpoint): boolean {
    const provider = this.providerOf(endpoint);
    return endpoint.prices.length > 0 || provider !== undefined && this.#library.knows(provider);
  }

  /**
   * The provider whose prices apply. An endpoint with `price_provider = "local"` may have backends of a
   * provider, whose responses cost money.
   */
  providerOf({ url, provider }: PricedEndpoint): string | undefined {
    if (provider !== undefined && provider !== LOCAL_PRICES) return provider;
    return this.#library.providerAt(url) ?? provider;
  }
}

function hasTokens({ inputTokens = 0, outputTokens = 0 }: Usage): boolean {
  return inputTokens + outputTokens > 0;
}

/** The price in the configuration for the first model that has one. */
function ownPrice(models: readonly string[], { prices }: PricedEndpoint): Price | undefined {
  if (prices.length === 0) return undefined;
  for (const model of models) {
    const spellings = modelSpellings(model);
    const price = prices.find(({ matches }) => spellings.some(matches));
    if (price !== undefined) return price;
  }
  return undefined;
}

/** Builds a cost, and marks it if some of the usage has no price. */
function cost(
  { micros, version }: { micros: number; version: string },
  { webSearches = 0, fileSearches = 0, unpricedUnits = 0 }: Usage,
  { pricesSearches }: { pricesSearches: boolean },
): Cost {
  const isPartial = unpricedUnits > 0 || !pricesSearches && webSearches + fileSearches > 0;
  return { micros: Math.round(micros), version, ...(isPartial && { isPartial }) };
}

/** The cost by a published price, in micro-dollars. Undefined if the library has no answer. */
function publishedCost(usage: Usage, price: PublishedPrice, epochMs: number): number | undefined {
  // Most usage and most prices are plain, so a multiplication is enough.
  if (price.flat !== undefined && isPlain(usage, price.flat)) return ownCost(usage, price.flat);
  const at = new Date(epochMs);
  const micros = libraryCost(libraryUsage(usage), price, at);
  if (micros === 0 && usage.inputAudioSeconds !== undefined) {
    // The model has a price per token, and the response reported seconds.
    const tokens = Math.ceil(usage.inputAudioSeconds * SOUND_TOKENS_PER_SECOND);
    return libraryCost({ input_tokens: tokens, input_audio_tokens: tokens }, price, at);
  }
  // The library throws for parts that exceed their whole and for unexpected kinds. Parts may overlap, such as
  // cached
  // audio, which is then priced as audio. If the library rejects the parts too, only input and output are
  // priced.
  return micros ?? libraryCost(libraryUsage(withoutOverlap(usage)), price, at) ?? libraryCost(
    { input_tokens: usage.inputTokens ?? 0, output_tokens: usage.outputTokens ?? 0 },
    price,
    at,
  );
}

/** The usage with at most as much cached input as there is input that is not audio, image or video. */
function withoutOverlap(usage: Usage): Usage {
  const { inputTokens = 0, inputAudioTokens = 0, inputImageTokens = 0, inputVideoTokens = 0 } = usage;
  const plain = Math.max(0, inputTokens - inputAudioTokens - inputImageTokens - inputVideoTokens);
  const cachedTokens = Math.min(usage.cachedTokens ?? 0, plain);
  return {
    ...usage,
    cachedTokens,
    cacheWriteTokens: Math.min(usage.cacheWriteTokens ?? 0, plain - cachedTokens),
    cacheWriteHourTokens: 0,
    cachedAudioTokens: 0,
    cachedImageTokens: 0,
  };
}

/** The cost by the library, in micro-dollars. Undefined if the library has no answer. */
function libraryCost(
  usage: Readonly<Record<string, number>>,
  price: PublishedPrice,
  at: Date,
): number | undefined {
  try {
    const dollars = price.cost(usage, at);
    return dollars === undefined || !Number.isFinite(dollars) ? undefined : dollars * 1_000_000;
  } catch {
    return undefined;
  }
}

/** Whether the usage has only input, output and cached input, and the price covers them. */
function isPlain(usage: Usage, price: Price): boolean {
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0 } = usage;
  if (cachedTokens > 0 && price.cached === undefined) return false;
  if (cacheWriteTokens > 0 && price.cacheWrite === undefined) return false;
  return !usage.cacheWriteHourTokens && !usage.inputAudioTokens && !usage.outputAudioTokens &&
    !usage.inputImageTokens && !usage.outputImageTokens && !usage.inputAudioSeconds &&
    !usage.reasoningTokens && !usage.citationTokens && !usage.inputVideoTokens && !usage.cachedAudioTokens &&
    !usage.cachedImageTokens && !usage.webSearches && !usage.fileSearches &&
    cachedTokens + cacheWriteTokens <= inputTokens;
}

/**
 * The cost by flat prices, in micro-dollars. Dollars per million tokens are micro-dollars per token. Dollars
 * per thousand searches are a thousand micro-dollars per search.
 */
function ownCost(usage: Usage, price: Price): number {
  const { webSearches = 0, fileSearches = 0 } = usage;
  return inputCost(usage, price) + outputCost(usage, price) + soundCost(usage, price) +
    (webSearches * (price.webSearches ?? 0) + fileSearches * (price.fileSearches ?? 0)) * 1_000;
}

function inputCost(usage: Usage, { input, ...price }: Price): number {
  const { cached = input, cacheWrite = input } = price;
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0, cacheWriteHourTokens = 0 } = usage;
  const { cachedAudioTokens = 0, cachedImageTokens = 0 } = usage;
  // Cached audio and cached images are included in both amounts.
  return parts(Math.max(0, inputTokens - cachedTokens - cacheWriteTokens), input, [
    [(usage.inputAudioTokens ?? 0) - cachedAudioTokens, price.inputAudio],
    [(usage.inputImageTokens ?? 0) - cachedImageTokens, price.inputImage],
    [usage.inputVideoTokens ?? 0, price.inputVideo],
  ]) + parts(cachedTokens, cached, [
    [cachedAudioTokens, price.cachedAudio],
    [cachedImageTokens, price.cachedImage],
  ]) + parts(cacheWriteTokens, cacheWrite, [[cacheWriteHourTokens, price.cacheWriteHour]]);
}

function outputCost(usage: Usage, { output, outputAudio, outputImage, reasoning, citation }: Price): number {
  return parts(usage.outputTokens ?? 0, output, [
    [usage.outputAudioTokens ?? 0, outputAudio],
    [usage.outputImageTokens ?? 0, outputImage],
    [usage.reasoningTokens ?? 0, reasoning],
    [usage.citationTokens ?? 0, citation],
  ]);
}

/** The cost of audio whose length is reported instead of tokens. */
function soundCost(
  { inputAudioSeconds = 0, inputTokens }: Usage,
  { input, inputAudio = input, audioHour }: Price,
): number {
  if (audioHour !== undefined) return inputAudioSeconds / 3_600 * audioHour * 1_000_000;
  return inputTokens === undefined ? inputAudioSeconds * SOUND_TOKENS_PER_SECOND * inputAudio : 0;
}

/**
 * The cost of an amount whose parts may have separate prices. No part exceeds what the earlier parts leave.
 */
function parts(
  whole: number,
  price: number,
  kinds: readonly (readonly [tokens: number, price: number | undefined])[],
): number {
  let left = whole;
  let cost = 0;
  for (const [tokens, own] of kinds) {
    if (own === undefined) continue;
    const part = Math.max(0, Math.min(tokens, left));
    left -= part;
    cost += part * own;
  }
  return cost + left * price;
}

/** The usage by the names of `@pydantic/genai-prices`. Its input includes cached input, as ours does. */
function libraryUsage(usage: Usage): Record<string, number> {
  const names = {
    input_tokens: usage.inputTokens ?? 0,
    output_tokens: usage.outputTokens ?? 0,
    cache_read_tokens: usage.cachedTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    cache_write_1h_tokens: usage.cacheWriteHourTokens,
    input_audio_tokens: usage.inputAudioTokens,
    output_audio_tokens: usage.outputAudioTokens,
    input_image_tokens: usage.inputImageTokens,
    output_image_tokens: usage.outputImageTokens,
    output_reasoning_tokens: usage.reasoningTokens,
    output_citation_tokens: usage.citationTokens,
    input_video_tokens: usage.inputVideoTokens,
    cache_audio_read_tokens: usage.cachedAudioTokens,
    cache_image_read_tokens: usage.cachedImageTokens,
    // The library needs the whole in addition to the part.
    audio_seconds: usage.inputAudioSeconds,
    input_audio_seconds: usage.inputAudioSeconds,
    web_searches: usage.webSearches,
    storage_searches: usage.fileSearches,
  };
  const given: Record<string, number> = {};
  for (const [name, value] of Object.entries(names)) {
    // The library needs an explicit zero for cached audio and images.
    if (value !== undefined && (value > 0 || /^cache_(?:audio|image)/.test(name))) given[name] = value;
  }
  return given;
}
