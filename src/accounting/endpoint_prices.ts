/** The prices at the backends of an endpoint. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { BackendPrices } from "./charge.ts";
import { type Cost, type PricedBackend, type Pricer, STATED_VERSION } from "./cost.ts";
import type { ToolCharge } from "../payload/hosted_tools.ts";
import { callsOf } from "./tool_calls.ts";
import type { Usage, UsageKind } from "./usage.ts";

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

  /** The provider whose prices apply at a backend. Undefined: it is unknown. */
  providerOf(backend: Backend): string | undefined {
    return this.#pricer.providerOf(this.#placeOf(backend));
  }

  /** Whether any model has a price at a backend. */
  has(backend: Backend): boolean {
    return this.#pricer.hasPrices(this.#placeOf(backend));
  }

  /** Whether a backend has prices for other models, and none for this model. */
  lacks(model: string, backend: Backend): boolean {
    const place = this.#placeOf(backend);
    return this.#pricer.hasPrices(place) && !this.#pricer.hasPrice(model, place);
  }

  /** Whether a backend has prices, and none for the work of a hosted tool. */
  lacksTool(charge: ToolCharge, model: string, backend: Backend): boolean {
    const place = this.#placeOf(backend);
    if (charge === "tokens" || !this.#pricer.hasPrices(place) || this.#pricer.statesCost(model, place)) {
      return false;
    }
    const usage = { inputTokens: 0, outputTokens: 0, ...callsOf([charge], 1) };
    const cost = this.#pricer.cost(usage, { models: [model], backend: place, epochMs: 0 });
    return cost === undefined || cost.isPartial === true;
  }

  /** The kinds of tokens that have a separate price for a model at a backend. */
  kindsOf(model: string, backend: Backend): ReadonlySet<UsageKind> {
    return this.#pricer.kindsOf(model, this.#placeOf(backend));
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
    const cost = this.#pricer.cost(usage, { models, backend: this.#placeOf(backend), epochMs });
    // The cost that a provider states is that of the tier.
    return cost === undefined || cost.version === STATED_VERSION
      ? cost
      : { ...cost, micros: Math.round(cost.micros * factor) };
  }

  /** The prices at one backend. `isGuessed` says that the factor is an estimate. */
  atBackend(backend: Backend, { isGuessed, ...at }: PricedAt & { isGuessed: boolean }): BackendPrices {
    return {
      cost: (usage, models) => this.cost(usage, models, { ...at, backend }),
      isGuessed,
      contextTokens: (model) => this.contextTokens(model, backend),
    };
  }

  #placeOf({ baseUrl }: Backend): PricedBackend {
    const { priceProvider, prices = [] } = this.#endpoint ?? {};
    return { url: baseUrl.origin + baseUrl.path, provider: priceProvider, prices };
  }
}
