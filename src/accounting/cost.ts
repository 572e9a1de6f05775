/** Computes the cost of usage, by the prices of the configuration or by published prices. */

import { LOCAL_PRICES } from "../config/values/price_providers.ts";
import type { Price, PricedModel } from "../config/config.ts";
import { ownKinds } from "./dear_kinds.ts";
import { flatCost } from "./flat_cost.ts";
import { modelSpellings } from "../text/model_spellings.ts";
import { publishedCost, type PublishedPrice } from "./published_cost.ts";
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

/** The part of a backend that decides prices. */
export interface PricedBackend {
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
/** The version that is stored with a cost that the provider states. */
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
    { models, backend, epochMs }: {
      models: readonly string[];
      backend: PricedBackend;
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
    const own = ownPrice(models, backend);
    if (own !== undefined) {
      const { webSearches, fileSearches, ...rest } = usage;
      const unpriced = {
        ...rest,
        ...(own.webSearches === undefined && webSearches !== undefined && { webSearches }),
        ...(own.fileSearches === undefined && fileSearches !== undefined && { fileSearches }),
      };
      return cost({ micros: flatCost(usage, own), version: OWN_VERSION }, unpriced, {
        pricesSearches: false,
      });
    }
    if (statedCostMicros !== undefined) {
      return { micros: Math.round(statedCostMicros), version: STATED_VERSION };
    }
    const provider = this.providerOf(backend);
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
  contextTokens(model: string, backend: PricedBackend): number {
    const provider = this.providerOf(backend);
    const price = provider === undefined ? undefined : this.#publishedPrice(model, provider);
    return price?.contextTokens ?? Infinity;
  }

  /** Whether a model has a price at a backend. */
  hasPrice(model: string, backend: PricedBackend): boolean {
    if (ownPrice([model], backend) !== undefined) return true;
    const provider = this.providerOf(backend);
    return provider === LOCAL_PRICES ||
      provider !== undefined && this.#publishedPrice(model, provider) !== undefined;
  }

  /** The kinds of tokens that have a separate price for a model at a backend. */
  kindsOf(model: string, backend: PricedBackend): ReadonlySet<UsageKind> {
    const own = ownPrice([model], backend);
    if (own !== undefined) return ownKinds(own);
    const provider = this.providerOf(backend);
    const price = provider === undefined ? undefined : this.#publishedPrice(model, provider);
    return price?.kinds ?? NO_KINDS;
  }

  /** Whether the provider states the cost of each response, and the configuration has no price of the model. */
  statesCost(model: string, backend: PricedBackend): boolean {
    return ownPrice([model], backend) === undefined && STATING.has(this.providerOf(backend) ?? "");
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
  hasPrices(backend: PricedBackend): boolean {
    const provider = this.providerOf(backend);
    return backend.prices.length > 0 || provider !== undefined && this.#library.knows(provider);
  }

  /**
   * The provider whose prices apply. An endpoint with `price_provider = "local"` may have backends of a
   * provider, whose responses cost money.
   */
  providerOf({ url, provider }: PricedBackend): string | undefined {
    if (provider !== undefined && provider !== LOCAL_PRICES) return provider;
    return this.#library.providerAt(url) ?? provider;
  }
}

function hasTokens({ inputTokens = 0, outputTokens = 0 }: Usage): boolean {
  return inputTokens + outputTokens > 0;
}

/** The price in the configuration for the first model that has one. */
function ownPrice(models: readonly string[], { prices }: PricedBackend): Price | undefined {
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
