/** The prices in use, by the configuration and by the library of published prices. */

import type { PricedModel } from "../../config/config.ts";
import { PlacePrices } from "./place_prices.ts";
import type { PublishedPrice } from "./published_cost.ts";

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

/** The part of a backend that its prices depend on. */
export interface PricedBackend {
  /** The backend's base URL. */
  readonly url: string;
  /** The provider whose prices apply, by the configuration. With `local`, responses cost nothing. */
  readonly provider: string | undefined;
  /**
   * Whether `provider` is a guess. The provider of a known URL then takes precedence. If absent, `provider`
   * is a guess only if it is `undefined`.
   */
  readonly isProviderGuessed?: boolean | undefined;
  /** The prices of the configuration. The first match counts. */
  readonly prices: readonly PricedModel[];
}

/** A cost in millionths of a US dollar, and the version of the price list that it was computed with. */
export interface Cost {
  readonly micros: number;
  readonly version: string;
  /** Set if a part of the usage has no known price, so that the real cost is higher. */
  readonly isPartial?: true;
}

/** The prices of the configuration and of the library that is in use. */
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

  /** Returns the prices at a backend, by the library that is in use now. */
  at(place: PricedBackend): PlacePrices {
    return new PlacePrices(this.#library, place);
  }
}
