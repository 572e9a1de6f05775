/** The prices at the backends of an endpoint. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { BackendPrices } from "./charge.ts";
import type { Cost, PricedEndpoint, Pricer } from "./cost.ts";
import type { Usage } from "./usage.ts";

/** The factor of the service tier, and the time of the prices. */
export interface PricedAt {
  readonly factor: number;
  /** The time of the prices, in milliseconds since 1970. */
  readonly epochMs: number;
}

/** Looks up prices at the backends of one endpoint. Without an endpoint nothing has a price. */
export class EndpointPrices {
  readonly #pricer: Pricer;
  readonly #endpoint: Endpoint | undefined;

  constructor(pricer: Pricer, endpoint: Endpoint | undefined) {
    this.#pricer = pricer;
    this.#endpoint = endpoint;
  }

  /** Whether any response of the endpoint can have a price. */
  get hasAny(): boolean {
    return this.#endpoint?.backends.some((backend) => this.#pricer.hasPrices(this.#placeOf(backend))) ===
      true;
  }

  /** Whether a backend has prices for other models, and none for this model. */
  lacks(model: string, backend: Backend): boolean {
    const place = this.#placeOf(backend);
    return this.#pricer.hasPrices(place) && !this.#pricer.hasPrice(model, place);
  }

  /** The maximum input of a model at a backend, in tokens. Infinity if it is unknown. */
  contextTokens(model: string, backend: Backend): number {
    return this.#pricer.contextTokens(model, this.#placeOf(backend));
  }

  /** The cost at a backend, by the first model that has a price. Undefined: it is unknown. */
  cost(
    usage: Usage,
    models: readonly string[],
    { backend, factor, epochMs }: PricedAt & { backend: Backend },
  ): Cost | undefined {
    const cost = this.#pricer.cost(usage, { models, endpoint: this.#placeOf(backend), epochMs });
    return cost && { ...cost, micros: Math.round(cost.micros * factor) };
  }

  /** The prices at one backend. `isGuessed` says that the factor is an estimate. */
  atBackend(backend: Backend, { isGuessed, ...at }: PricedAt & { isGuessed: boolean }): BackendPrices {
    return {
      cost: (usage, models) => this.cost(usage, models, { ...at, backend }),
      isGuessed,
      contextTokens: (model) => this.contextTokens(model, backend),
    };
  }

  #placeOf({ baseUrl }: Backend): PricedEndpoint {
    const { priceProvider, prices = [] } = this.#endpoint ?? {};
    return { url: baseUrl.origin + baseUrl.path, provider: priceProvider, prices };
  }
}
