/** The prices at the backends of an endpoint. */

import type { Backend, Endpoint } from "../../config/config.ts";
import type { ToolCharge } from "../../payload/hosted_tools.ts";
import type { BackendPrices } from "../charge.ts";
import type { Cost, PriceLibrary, Pricer } from "./cost.ts";
import { PlacePrices, STATED_VERSION } from "./place_prices.ts";
import { callsOf } from "../estimates/tool_calls.ts";
import type { Usage } from "../usage/usage.ts";

/** The factor of a service tier, and the time at which the prices apply. */
export interface PricedAt {
  readonly factor: number;
  /** The time of the prices, in milliseconds since 1970. */
  readonly epochMs: number;
}

/**
 * The prices at the backends of one endpoint, by one library. All requests share them. Without an endpoint,
 * nothing has a price. A request keeps its prices until its end: a newer list may lack its model.
 */
export class EndpointPrices {
  /** The library that the prices come from. */
  readonly library: PriceLibrary;
  readonly #endpoint: Endpoint | undefined;
  readonly #places = new Map<Backend, PlacePrices>();

  constructor({ library }: Pick<Pricer, "library">, endpoint: Endpoint | undefined) {
    this.library = library;
    this.#endpoint = endpoint;
  }

  /** Whether every request at every backend costs nothing. */
  get areFree(): boolean {
    return this.#endpoint?.backends.every((backend) => this.at(backend).isFree) === true;
  }

  /** The prices at a backend. */
  at(backend: Backend): PlacePrices {
    let place = this.#places.get(backend);
    if (place === undefined) {
      const { baseUrl } = backend;
      const { priceProvider: provider, isPriceProviderGuessed: isProviderGuessed, prices = [] } =
        this.#endpoint ??
          {};
      const url = baseUrl.origin + baseUrl.path;
      place = new PlacePrices(this.library, { url, provider, isProviderGuessed, prices });
      this.#places.set(backend, place);
    }
    return place;
  }
}

/** Whether a hosted tool has no price at a backend. */
export function lacksTool(prices: PlacePrices, charge: ToolCharge, model: string): boolean {
  if (charge === "tokens" || prices.statesCost(model)) return false;
  const usage = { inputTokens: 0, outputTokens: 0, ...callsOf([charge], 1) };
  const cost = prices.cost(usage, [model], 0);
  return cost === undefined || cost.isPartial === true;
}

/** The prices at one backend, for one service tier at one time. */
export class TierPrices implements BackendPrices {
  /** Whether the factor is an estimate. */
  readonly isGuessed: boolean;
  readonly #prices: PlacePrices;
  readonly #factor: number;
  readonly #epochMs: number;

  constructor(prices: PlacePrices, { factor, isGuessed, epochMs }: PricedAt & { isGuessed: boolean }) {
    this.isGuessed = isGuessed;
    this.#prices = prices;
    this.#factor = factor;
    this.#epochMs = epochMs;
  }

  /** Returns the cost of usage by the first model that has a price. `undefined` if no model has one. */
  cost(usage: Usage, models: readonly string[]): Cost | undefined {
    const cost = this.#prices.cost(usage, models, this.#epochMs);
    // The cost that a provider states already includes the factor of the tier.
    return cost === undefined || this.#factor === 1 || cost.version === STATED_VERSION
      ? cost
      : { ...cost, micros: Math.round(cost.micros * this.#factor) };
  }

  /** The maximum input of a model in tokens. Infinity if it is unknown. */
  contextTokens(model: string): number {
    return this.#prices.contextTokens(model);
  }
}
