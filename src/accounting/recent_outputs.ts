/** Records the length of recent responses of each model, to estimate what a request will use. */

import { ModelTable, type ModelUse } from "./model_table.ts";

/** The number of responses that are kept for each model. */
const MOST_SAMPLES = 100;
/** With fewer responses there is no estimate. */
const FEWEST_SAMPLES = 20;
/** The lowest estimate, even if all responses were shorter. */
const FLOOR_TOKENS = 1_000;

interface Samples {
  readonly tokens: number[];
  /** The index of the next sample. */
  next: number;
  /** The cached estimate. Undefined after a new sample. */
  expected: number | undefined;
}

/** The output tokens of recent responses, by endpoint and model. */
export class RecentOutputs {
  readonly #models = new ModelTable<Samples>();

  /** Adds the output tokens of a response. */
  add(use: ModelUse, tokens: number): void {
    const samples = this.#models.use(use, () => ({ tokens: [], next: 0, expected: undefined }));
    samples.tokens[samples.next] = tokens;
    samples.next = (samples.next + 1) % MOST_SAMPLES;
    samples.expected = undefined;
  }

  /** The output tokens that 95 of 100 responses do not exceed. Undefined: there are too few responses. */
  expected(endpoint: string, model: string): number | undefined {
    const samples = this.#models.get(endpoint, model);
    if (samples === undefined || samples.tokens.length < FEWEST_SAMPLES) return undefined;
    samples.expected ??= Math.max(FLOOR_TOKENS, percentile95(samples.tokens));
    return samples.expected;
  }
}

function percentile95(tokens: readonly number[]): number {
  const sorted = tokens.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}
