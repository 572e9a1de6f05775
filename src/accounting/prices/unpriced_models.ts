/** Suggests a setting for each endpoint and model without a price, once. */

import type { Endpoint } from "../../config/config.ts";
import type { ExchangeRow } from "../../storage/store.ts";
import type { PriceLibrary } from "./cost.ts";
import { modelAdvice } from "./price_advice.ts";

/** The most suggestions. It is limited because clients choose the names of models. */
const MAX_ADVICE = 100;

/** Writes suggestions for models without a price to the log. */
export class UnpricedModels {
  readonly #advised = new Set<string>();
  readonly #onAdvice: (advice: { readonly endpoint: string; readonly detail: string }) => void;

  constructor(onAdvice: (advice: { readonly endpoint: string; readonly detail: string }) => void) {
    this.#onAdvice = onAdvice;
  }

  /** Call it for each exchange that has ended. `endpoint` is its endpoint in the current configuration. */
  ended(row: ExchangeRow, endpoint: Endpoint | undefined, library: PriceLibrary): void {
    if (row.costMicros !== undefined || row.inputTokens === undefined && row.outputTokens === undefined) {
      return;
    }
    const backend = endpoint?.backends.find(({ name }) => name === row.backend);
    if (endpoint === undefined || backend === undefined || this.#advised.size >= MAX_ADVICE) return;
    for (const model of [row.modelAnswered, row.modelAsked]) {
      if (model === undefined) continue;
      const key = `${endpoint.name} ${model}`;
      if (this.#advised.has(key)) return;
      const detail = modelAdvice({ endpoint, backend, model }, library);
      if (detail === undefined) continue;
      this.#advised.add(key);
      return this.#onAdvice({ endpoint: endpoint.name, detail });
    }
  }
}
