/** The prices of an endpoint at a moment. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { BackendPrices } from "./charge.ts";
import type { Cost, PricedEndpoint, Pricer } from "./cost.ts";
import type { Usage } from "./usage.ts";

/** What multiplies the prices of the standard tier, and of when they are. */
export interface PricedAt {
  readonly factor: number;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
}

/** Looks prices up at the backends of one endpoint; undefined: none was asked. */
export class EndpointPrices {
  readonly #pricer: Pricer;
  readonly #endpoint: Endpoint | undefined;

  constructor(pricer: Pricer, endpoint: Endpoint | undefined) {
    this.#pricer = pricer;
    this.#endpoint = endpoint;
  }

  /** Whether anything that the endpoint answers can have a price. */
  get hasAny(): boolean {
    return this.#endpoint?.backends.some((backend) => this.#pricer.hasPrices(this.#placeOf(backend))) ===
      true;
  }

  /** Whether a backend has prices, and none for this model. */
  lacks(model: string, backend: Backend): boolean {
    const place = this.#placeOf(backend);
    return this.#pricer.hasPrices(place) && !this.#pricer.hasPrice(model, place);
  }

  /** The most input that a model takes there. */
  contextTokens(model: string, backend: Backend): number {
    return this.#pricer.contextTokens(model, this.#placeOf(backend));
  }

  /** By the first of the models that has a price. */
  cost(
    usage: Usage,
    models: readonly string[],
    { backend, factor, epochMs }: PricedAt & { backend: Backend },
  ): Cost | undefined {
    const cost = this.#pricer.cost(usage, { models, endpoint: this.#placeOf(backend), epochMs });
    return cost && { ...cost, micros: Math.round(cost.micros * factor) };
  }

  /** Those at a backend. */
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
