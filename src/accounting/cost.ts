/** What an exchange costs, by the prices of the configuration and else by those that are published. */

import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Price, PricedModel } from "../config/config.ts";
import { modelSpellings } from "./model_spellings.ts";
import type { Usage } from "./usage.ts";

/** The library of published prices, as far as it is used here. */
export interface PriceLibrary {
  /** Its name and version, which is kept with every cost. */
  readonly version: string;
  /** The price of a model; undefined where it knows none. */
  readonly priceOf: (model: string, provider: string) => PublishedPrice | undefined;
  /** Whether it knows a provider. */
  readonly knows: (provider: string) => boolean;
  /** The provider behind an address. */
  readonly providerAt: (url: string) => string | undefined;
  /** A provider that has a price for a model; undefined where none has. */
  readonly providerOf: (model: string) => string | undefined;
}

/** What a model costs. */
export interface PublishedPrice {
  /** Where every kind of token has one price at all times: US dollars per million. */
  readonly flat: Price | undefined;
  /** The most input that it takes, in tokens. */
  readonly contextTokens: number | undefined;
  /** A cost in US dollars. Throws for usage that cannot be. */
  readonly cost: (usage: Readonly<Record<string, number>>, at: Date) => number | undefined;
  /** Whether searches have a price there. */
  readonly pricesSearches: boolean;
}

/** Where an exchange was answered, as far as its price depends on it. */
export interface PricedEndpoint {
  /** The backend's base URL. */
  readonly url: string;
  /** The provider whose prices hold, where the configuration names one; `local`: nothing costs anything. */
  readonly provider: string | undefined;
  /** Prices of the configuration; the first that matches counts. */
  readonly prices: readonly PricedModel[];
}

/** A cost in millionths of a US dollar, and whose price it was. */
export interface Cost {
  readonly micros: number;
  readonly version: string;
  /** A part of what was used has no price that is known: it costs more. */
  readonly isPartial?: true;
}

/**
 * What is written beside costs at prices of the configuration, those that the provider states, and of local
 * servers.
 */
const OWN_VERSION = "configuration";
const STATED_VERSION = "provider";
const LOCAL_VERSION = "local";
/** A token of sound is a tenth of a second (https://platform.openai.com/docs/guides/realtime-costs). */
const AUDIO_TOKENS_PER_SECOND = 10;

/** Knows what things cost. */
export class Pricer {
  #library: PriceLibrary;

  constructor(library: PriceLibrary) {
    this.#library = library;
  }

  /** From now on the prices of another list hold. */
  use(library: PriceLibrary): void {
    this.#library = library;
  }

  get library(): PriceLibrary {
    return this.#library;
  }

  /**
   * Undefined: unknown. `models` in the order in which they are tried: the one that answered, the one asked for. Prices
   * of the configuration come first, then the cost that the provider itself states, then published prices.
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
    const provider = this.#providerOf(endpoint);
    if (provider === undefined) return undefined;
    if (provider === LOCAL_PRICES) return { micros: 0, version: LOCAL_VERSION };
    for (const model of models) {
      const price = this.#publishedPrice(model, provider);
      if (price === undefined) continue;
      const micros = publishedCost(usage, price, epochMs);
      if (micros !== undefined) return cost({ micros, version: this.#library.version }, usage, price);
    }
    return undefined;
  }

  /** The most input that a model takes, in tokens; `Infinity` where that is not known. */
  contextTokens(model: string, endpoint: PricedEndpoint): number {
    const provider = this.#providerOf(endpoint);
    const price = provider === undefined ? undefined : this.#publishedPrice(model, provider);
    return price?.contextTokens ?? Infinity;
  }

  /** Whether a model has a price there. */
  hasPrice(model: string, endpoint: PricedEndpoint): boolean {
    if (ownPrice([model], endpoint) !== undefined) return true;
    const provider = this.#providerOf(endpoint);
    return provider === LOCAL_PRICES ||
      provider !== undefined && this.#publishedPrice(model, provider) !== undefined;
  }

  #publishedPrice(model: string, provider: string): PublishedPrice | undefined {
    // Most names are those of the list.
    const exact = this.#library.priceOf(model, provider);
    if (exact !== undefined) return exact;
    for (const spelling of modelSpellings(model)) {
      const price = this.#library.priceOf(spelling, provider);
      if (price !== undefined) return price;
    }
    return undefined;
  }

  /** Whether anything at all can cost something there. */
  hasPrices(endpoint: PricedEndpoint): boolean {
    const provider = this.#providerOf(endpoint);
    return endpoint.prices.length > 0 || provider !== undefined && this.#library.knows(provider);
  }

  /** Whose prices hold. A local server's other backends may be a provider's, whose answers cost something. */
  #providerOf({ url, provider }: PricedEndpoint): string | undefined {
    if (provider !== undefined && provider !== LOCAL_PRICES) return provider;
    return this.#library.providerAt(url) ?? provider;
  }
}

/** The price of the configuration for the first of the models that has one. */
function ownPrice(models: readonly string[], { prices }: PricedEndpoint): Price | undefined {
  if (prices.length === 0) return undefined;
  for (const model of models) {
    const spellings = modelSpellings(model);
    const price = prices.find(({ matches }) => spellings.some(matches));
    if (price !== undefined) return price;
  }
  return undefined;
}

/** Says whether it is all of the cost. */
function cost(
  { micros, version }: { micros: number; version: string },
  { webSearches = 0, fileSearches = 0, unpricedUnits = 0 }: Usage,
  { pricesSearches }: { pricesSearches: boolean },
): Cost {
  const isPartial = unpricedUnits > 0 || !pricesSearches && webSearches + fileSearches > 0;
  return { micros: Math.round(micros), version, ...(isPartial && { isPartial }) };
}

/** In micro-dollars. */
function publishedCost(usage: Usage, price: PublishedPrice, epochMs: number): number | undefined {
  // Most usage is plain and most prices are: no library is needed to multiply.
  if (price.flat !== undefined && isPlain(usage, price.flat)) return ownCost(usage, price.flat);
  const at = new Date(epochMs);
  const micros = libraryCost(libraryUsage(usage), price, at);
  if (micros === 0 && usage.inputAudioSeconds !== undefined) {
    // A model that is priced by tokens, and reported seconds.
    const tokens = Math.ceil(usage.inputAudioSeconds * AUDIO_TOKENS_PER_SECOND);
    return libraryCost({ input_tokens: tokens, input_audio_tokens: tokens }, price, at);
  }
  // The library throws for parts that are greater than their whole and for kinds that it does not expect there.
  // Parts may overlap: cached audio is then priced as audio. If the library rejects all parts, input and
  // output alone are priced.
  return micros ?? libraryCost(libraryUsage(withoutOverlap(usage)), price, at) ?? libraryCost(
    { input_tokens: usage.inputTokens ?? 0, output_tokens: usage.outputTokens ?? 0 },
    price,
    at,
  );
}

/** With no more cached input than what is neither sound nor a picture. */
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

/** In micro-dollars; undefined where the library has no answer. */
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

/** Whether it holds nothing that may have a price of its own besides input, output and what is cached. */
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

/** Dollars per million tokens are micro-dollars per token, and dollars per thousand searches a thousand per search. */
function ownCost(usage: Usage, price: Price): number {
  const { webSearches = 0, fileSearches = 0 } = usage;
  return inputCost(usage, price) + outputCost(usage, price) + soundCost(usage, price) +
    (webSearches * (price.webSearches ?? 0) + fileSearches * (price.fileSearches ?? 0)) * 1_000;
}

function inputCost(usage: Usage, { input, ...price }: Price): number {
  const { cached = input, cacheWrite = input } = price;
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0, cacheWriteHourTokens = 0 } = usage;
  const { cachedAudioTokens = 0, cachedImageTokens = 0 } = usage;
  // Sound and images that were read from a cache are a part of both.
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

/** Of a length of sound, where that is reported in place of tokens. */
function soundCost(
  { inputAudioSeconds = 0, inputTokens }: Usage,
  { input, inputAudio = input, audioHour }: Price,
): number {
  if (audioHour !== undefined) return inputAudioSeconds / 3_600 * audioHour * 1_000_000;
  return inputTokens === undefined ? inputAudioSeconds * AUDIO_TOKENS_PER_SECOND * inputAudio : 0;
}

/** A whole, of which parts may have prices of their own; no part is more than what the others leave. */
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

/** The names of `@pydantic/genai-prices`, whose input counts what was cached, as ours does. */
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
    // The library wants the whole beside the part.
    audio_seconds: usage.inputAudioSeconds,
    input_audio_seconds: usage.inputAudioSeconds,
    web_searches: usage.webSearches,
    storage_searches: usage.fileSearches,
  };
  const given: Record<string, number> = {};
  for (const [name, value] of Object.entries(names)) {
    // That nothing is both has to be said.
    if (value !== undefined && (value > 0 || /^cache_(?:audio|image)/.test(name))) given[name] = value;
  }
  return given;
}
