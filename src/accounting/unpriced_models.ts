/** Says once of each endpoint and model that it has no price, where something can be set so that it has one. */

import type { Endpoint } from "../config/config.ts";
import type { ExchangeRow } from "../storage/store.ts";
import type { PriceLibrary } from "./cost.ts";
import { modelAdvice } from "./price_advice.ts";

/** What a client asks for ends up here: beyond it nothing more is said. */
const MAX_SAID = 100;

/** Advises about models without a price. */
export class UnpricedModels {
  readonly #said = new Set<string>();
  readonly #say: (advice: { readonly endpoint: string; readonly detail: string }) => void;

  constructor(say: (advice: { readonly endpoint: string; readonly detail: string }) => void) {
    this.#say = say;
  }

  /** An exchange with usage has ended at an endpoint of the present configuration. */
  ended(row: ExchangeRow, endpoint: Endpoint | undefined, library: PriceLibrary): void {
    if (row.costMicros !== undefined || row.inputTokens === undefined && row.outputTokens === undefined) {
      return;
    }
    const backend = endpoint?.backends.find(({ name }) => name === row.backend);
    if (endpoint === undefined || backend === undefined || this.#said.size >= MAX_SAID) return;
    for (const model of [row.modelAnswered, row.modelAsked]) {
      if (model === undefined) continue;
      const key = `${endpoint.name} ${model}`;
      if (this.#said.has(key)) return;
      const detail = modelAdvice({ endpoint, backend, model }, library);
      if (detail === undefined) continue;
      this.#said.add(key);
      return this.#say({ endpoint: endpoint.name, detail });
    }
  }
}
