/** Computes the cost of usage, by the prices of the configuration or by published prices. */

import type { PricedModel } from "../config/config.ts";
import { PlacePrices } from "./place_prices.ts";
import type { PublishedPrice } from "./published_cost.ts";
import type { Usage } from "./usage.ts";

/** The library of published prices. */
export interface PriceLibrary {
  /** The name and version of its list, which is stored with every cost. */
  readonly version: string;
  /** The price of a model. `undefined` if the library has none. */
  readonly priceOf: (model: string, provider: string) => PublishedPrice | undefined;
  /** Whether the library has prices of a provider. */
  readonly knows: (provider: string) => boolean;
  /** The provider at a URL. `undefined` if the library does not know the URL. */
  readonly providerAt: (url: string) => string | undefined;
  /** A provider that has a price for a model. `undefined` if no provider has one. */
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

  /** The prices at a place, by the library that is in use now. */
  at(place: PricedBackend): PlacePrices {
    return new PlacePrices(this.#library, place);
  }

  /**
   * The cost of usage. `undefined` if it is unknown. Tries `models` in their order: the model of the response,
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
    return this.at(backend).cost(usage, models, epochMs);
  }

  /** The maximum input of a model in tokens. `Infinity` if it is unknown. */
  contextTokens(model: string, backend: PricedBackend): number {
    return this.at(backend).contextTokens(model);
  }

  /** Whether any model can have a price at a backend. */
  hasPrices(backend: PricedBackend): boolean {
    return this.at(backend).hasAny;
  }
}
