/** How long the recent answers of each model were: what a request most likely uses, where nobody knows. */

/** Answers that are kept of each model. */
const MOST_SAMPLES = 100;
/** With fewer nothing is expected. */
const FEWEST_SAMPLES = 20;
/** Nothing less is expected, whatever came before. */
const FLOOR_TOKENS = 1_000;
const MAX_MODELS = 1_000;

interface Samples {
  readonly tokens: number[];
  /** Where the next one goes. */
  next: number;
  /** Undefined: not worked out since the last one came. */
  expected: number | undefined;
}

/** Keeps the output of recent answers by endpoint and model. */
export class RecentOutputs {
  readonly #models = new Map<string, Samples>();

  /** An answer of a model had so many tokens of output. */
  add(endpoint: string, model: string, tokens: number): void {
    const key = `${endpoint} ${model}`;
    let samples = this.#models.get(key);
    if (samples === undefined) {
      if (this.#models.size >= MAX_MODELS) this.#models.clear();
      this.#models.set(key, samples = { tokens: [], next: 0, expected: undefined });
    }
    samples.tokens[samples.next] = tokens;
    samples.next = (samples.next + 1) % MOST_SAMPLES;
    samples.expected = undefined;
  }

  /** What 95 of 100 answers do not exceed; undefined while there are too few. */
  expected(endpoint: string, model: string): number | undefined {
    const samples = this.#models.get(`${endpoint} ${model}`);
    if (samples === undefined || samples.tokens.length < FEWEST_SAMPLES) return undefined;
    samples.expected ??= Math.max(FLOOR_TOKENS, percentile95(samples.tokens));
    return samples.expected;
  }
}

function percentile95(tokens: readonly number[]): number {
  const sorted = tokens.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}
