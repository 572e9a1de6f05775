/** The price and the context window of models, for lists of models. */

import { EndpointPrices } from "../accounting/prices/endpoint_prices.ts";
import type { PriceLibrary, Pricer } from "../accounting/prices/cost.ts";
import type { ModelFacts } from "../catalogue/merged_list.ts";
import type { Endpoint } from "../config/config.ts";

/** So few tokens have the lowest price of a model whose price depends on the length. */
const SAMPLE_TOKENS = 1_000;
/** How many models are remembered, of all endpoints. */
const MOST_REMEMBERED = 20_000;

/** Looks up prices and context windows. It remembers them, because a list has hundreds of models. */
export class ModelFactsTable {
  readonly #pricer: Pricer;
  #library: PriceLibrary | undefined;
  readonly #remembered = new Map<Endpoint, Map<string, ModelFacts>>();
  #count = 0;

  constructor(pricer: Pricer) {
    this.#pricer = pricer;
  }

  /** What is known of a model at the first backend of an endpoint, at the prices of today. */
  factsOf(endpoint: Endpoint | undefined, model: string): ModelFacts {
    if (endpoint === undefined) return {};
    if (this.#library !== this.#pricer.library || this.#count >= MOST_REMEMBERED) this.forget();
    let ofEndpoint = this.#remembered.get(endpoint);
    if (ofEndpoint === undefined) this.#remembered.set(endpoint, ofEndpoint = new Map());
    const known = ofEndpoint.get(model);
    if (known !== undefined) return known;
    const facts = this.#lookUp(endpoint, model);
    ofEndpoint.set(model, facts);
    this.#count++;
    return facts;
  }

  /** Forgets all facts, such as those of the endpoints of an earlier configuration. */
  forget(): void {
    this.#library = this.#pricer.library;
    this.#remembered.clear();
    this.#count = 0;
  }

  #lookUp(endpoint: Endpoint, model: string): ModelFacts {
    const [backend] = endpoint.backends;
    if (backend === undefined) return {};
    const prices = new EndpointPrices(this.#pricer, endpoint).at(backend);
    const priceOf = (usage: { inputTokens: number; outputTokens: number }) => {
      const micros = prices.cost(usage, [model], Date.now())?.micros;
      return micros === undefined ? undefined : micros / SAMPLE_TOKENS;
    };
    const contextTokens = prices.contextTokens(model);
    return {
      inputPrice: priceOf({ inputTokens: SAMPLE_TOKENS, outputTokens: 0 }),
      outputPrice: priceOf({ inputTokens: 0, outputTokens: SAMPLE_TOKENS }),
      contextTokens: Number.isFinite(contextTokens) ? contextTokens : undefined,
    };
  }
}
