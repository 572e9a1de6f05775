/** Records the length of recent responses of each model, to estimate what a request will use. */

import { ModelTable, type ModelUse } from "./model_table.ts";

/** The number of responses that are kept for each model. */
const MOST_SAMPLES = 100;
/** With fewer responses than this, there is no estimate. */
const FEWEST_SAMPLES = 20;
/** The lowest estimate, even if all responses were shorter. */
const FLOOR_TOKENS = 1_000;

interface Samples {
  readonly tokens: number[];
  /** The same numbers in ascending order. */
  readonly sorted: number[];
  /** The index of the next sample. */
  next: number;
}

/** The output tokens of recent responses, by endpoint and model. */
export class RecentOutputs {
  readonly #models = new ModelTable<Samples>();

  /** Adds the output tokens of a response. */
  add(use: ModelUse, tokens: number): void {
    const samples = this.#models.use(use, noSamples);
    const { sorted } = samples;
    const oldest = samples.tokens[samples.next];
    if (oldest !== undefined) sorted.splice(placeOf(oldest, sorted), 1);
    sorted.splice(placeOf(tokens, sorted), 0, tokens);
    samples.tokens[samples.next] = tokens;
    samples.next = (samples.next + 1) % MOST_SAMPLES;
  }

  /**
   * Returns the number of output tokens that 95 of 100 responses do not exceed. `undefined` if there are too
   * few responses.
   */
  expected(endpoint: string, model: string): number | undefined {
    const samples = this.#models.get(endpoint, model);
    if (samples === undefined || samples.tokens.length < FEWEST_SAMPLES) return undefined;
    const { sorted } = samples;
    return Math.max(FLOOR_TOKENS, sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0);
  }
}

function noSamples(): Samples {
  return { tokens: [], sorted: [], next: 0 };
}

/**
 * Finds the index of the first number that is not less than a value. It is a binary search, because every
 * request needs it.
 */
function placeOf(value: number, sorted: readonly number[]): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] ?? 0) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
