/** The prices at the backends of an endpoint. */

import type { Backend, Endpoint } from "../../config/config.ts";
import type { ToolCharge } from "../../payload/hosted_tools.ts";
import type { BackendPrices } from "../charge.ts";
import type { Cost, PriceLibrary, Pricer } from "./cost.ts";
import { type PlacePrices, STATED_VERSION } from "./place_prices.ts";
import { callsOf } from "../estimates/tool_calls.ts";
import type { Usage } from "../usage/usage.ts";

/** The factor of a service tier, and the time at which the prices apply. */
export interface PricedAt {
  readonly factor: number;
  /** The time of the prices, in milliseconds since 1970. */
  readonly epochMs: number;
}

/**
 * The prices at the backends of one endpoint. All requests share them. Without an endpoint, nothing has a
 * price. After a change of the price list, the next call uses the new prices.
 */
export class EndpointPrices {
  readonly #pricer: Pricer;
  readonly #endpoint: Endpoint | undefined;
  readonly #places = new Map<Backend, PlacePrices>();
  /** The library that the remembered prices come from. */
  #library: PriceLibrary;

  constructor(pricer: Pricer, endpoint: Endpoint | undefined) {
    this.#pricer = pricer;
    this.#library = pricer.library;
    this.#endpoint = endpoint;
  }

  /** Whether any response of the endpoint can have a price. */
  get hasAny(): boolean {
    return this.#endpoint?.backends.some((backend) => this.at(backend).hasAny) === true;
  }

  /** The prices at a backend. */
  at(backend: Backend): PlacePrices {
    const { library } = this.#pricer;
    if (library !== this.#library) {
      this.#library = library;
      this.#places.clear();
    }
    let place = this.#places.get(backend);
    if (place === undefined) {
      const { baseUrl } = backend;
      const { priceProvider: provider, isPriceProviderGuessed: isProviderGuessed, prices = [] } =
        this.#endpoint ??
          {};
      place = this.#pricer.at({ url: baseUrl.origin + baseUrl.path, provider, isProviderGuessed, prices });
      this.#places.set(backend, place);
    }
    return place;
  }
}

/** Whether a backend has prices for other models, but none for this model. */
export function lacksModel(prices: PlacePrices, model: string): boolean {
  return !prices.hasPrice(model) && prices.hasAny;
}

/** Whether a backend has prices, but none for a hosted tool. */
export function lacksTool(prices: PlacePrices, charge: ToolCharge, model: string): boolean {
  if (charge === "tokens" || !prices.hasAny || prices.statesCost(model)) return false;
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
