/** What an exchange costs, by the prices of the configuration and else by those that are published. */

import type { Price, PricedModel } from "../config/schema.ts";
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
}

/** What a model costs. */
export interface PublishedPrice {
  /** Where every kind of token has one price at all times: US dollars per million. */
  readonly flat: Price | undefined;
  /** The most input that it takes, in tokens. */
  readonly contextTokens: number | undefined;
  /** A cost in US dollars. Throws for usage that cannot be. */
  readonly cost: (usage: Readonly<Record<string, number>>, at: Date) => number | undefined;
}

/** Where an exchange was answered, as far as its price depends on it. */
export interface PricedEndpoint {
  /** The backend's base URL. */
  readonly url: string;
  /** The provider whose prices hold, where the configuration names one. */
  readonly provider: string | undefined;
  /** Prices of the configuration; the first that matches counts. */
  readonly prices: readonly PricedModel[];
}

/** A cost in millionths of a US dollar, and whose price it was. */
export interface Cost {
  readonly micros: number;
  readonly version: string;
}

/** What is written beside costs at prices of the configuration. */
const OWN_VERSION = "configuration";
const MAX_ADDRESSES = 1_000;

/** Knows what things cost. */
export class Pricer {
  readonly #library: PriceLibrary;
  readonly #providers = new Map<string, string | undefined>();

  constructor(library: PriceLibrary) {
    this.#library = library;
  }

  /** Undefined: unknown. `models` in the order in which they are tried: the one that answered, the one asked for. */
  cost(
    usage: Usage,
    { models, endpoint, epochMs }: {
      models: readonly string[];
      endpoint: PricedEndpoint;
      epochMs: number;
    },
  ): Cost | undefined {
    if (
      usage.inputTokens === undefined && usage.outputTokens === undefined &&
      usage.inputAudioSeconds === undefined
    ) {
      return undefined;
    }
    const own = models.map((model) => endpoint.prices.find(({ matches }) => matches(model)))
      .find((price) => price !== undefined);
    if (own !== undefined) return { micros: Math.round(ownCost(usage, own)), version: OWN_VERSION };
    const provider = endpoint.provider ?? this.#providerAt(endpoint.url);
    if (provider === undefined) return undefined;
    for (const model of models) {
      const price = this.#library.priceOf(model, provider);
      const micros = price && publishedCost(usage, price, epochMs);
      if (micros !== undefined) return { micros: Math.round(micros), version: this.#library.version };
    }
    return undefined;
  }

  /** The most input that a model takes, in tokens; `Infinity` where that is not known. */
  contextTokens(model: string, { url, provider = this.#providerAt(url) }: PricedEndpoint): number {
    const price = provider === undefined ? undefined : this.#library.priceOf(model, provider);
    return price?.contextTokens ?? Infinity;
  }

  /** Whether anything at all can have a price there. */
  hasPrices({ url, provider = this.#providerAt(url), prices }: PricedEndpoint): boolean {
    return prices.length > 0 || provider !== undefined && this.#library.knows(provider);
  }

  #providerAt(url: string): string | undefined {
    if (!this.#providers.has(url)) {
      if (this.#providers.size >= MAX_ADDRESSES) this.#providers.clear();
      this.#providers.set(url, this.#library.providerAt(url));
    }
    return this.#providers.get(url);
  }
}

/** In micro-dollars. */
function publishedCost(usage: Usage, { flat, cost }: PublishedPrice, epochMs: number): number | undefined {
  // Most usage is plain and most prices are: no library is needed to multiply.
  if (flat !== undefined && isPlain(usage, flat)) return ownCost(usage, flat);
  try {
    const dollars = cost(libraryUsage(usage), new Date(epochMs));
    return dollars === undefined || !Number.isFinite(dollars) ? undefined : dollars * 1_000_000;
  } catch {
    // A provider that says more was cached than was sent: nothing that could be priced.
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
    !usage.reasoningTokens && cachedTokens + cacheWriteTokens <= inputTokens;
}

/** Dollars per million tokens are micro-dollars per token. */
function ownCost(usage: Usage, { input, output, cached = input, cacheWrite = input }: Price): number {
  const all = usage.inputTokens ?? 0;
  const read = usage.cachedTokens ?? 0;
  const written = usage.cacheWriteTokens ?? 0;
  const plain = Math.max(0, all - read - written);
  return plain * input + read * cached + written * cacheWrite + (usage.outputTokens ?? 0) * output;
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
    input_audio_seconds: usage.inputAudioSeconds,
    web_searches: usage.webSearches,
    storage_searches: usage.fileSearches,
  };
  const given: Record<string, number> = {};
  for (const [name, value] of Object.entries(names)) if (value) given[name] = value;
  return given;
}
