/**
 * Records the recent speed of each model, to estimate invisible output by its duration. The speed of the
 * fastest principal counts, and it is never below a default. So a principal cannot lower the estimates of
 * others.
 */

import { ModelTable } from "./model_table.ts";

/** The speed of most models, in tokens per millisecond. */
export const USUAL_TOKENS_PER_MS = 0.2;
/** The highest speed that counts. A faster response came from a cache. */
const MOST_TOKENS_PER_MS = 5;
/** Shorter responses do not count, because their duration depends more on the network than on the model. */
const LEAST_TOKENS = 100;
/** The number of responses that are kept for each principal. */
const MOST_SAMPLES = 20;
/** With fewer responses than this, a principal does not count. */
const FEWEST_SAMPLES = 5;
const MAX_PRINCIPALS = 50;

/** A response whose usage was reported completely. */
export interface SpeedSample {
  readonly principal: string;
  /** The output tokens of the response. */
  readonly tokens: number;
  /** The time from the request to the end of the response, in milliseconds. */
  readonly durationMs: number;
}

interface Samples {
  readonly speeds: number[];
  /** The speed that 9 of 10 samples do not exceed. `undefined` after a new sample, until it is computed. */
  fast: number | undefined;
  /** The index of the next sample. */
  next: number;
}

interface Model {
  readonly byPrincipal: Map<string, Samples>;
  /** The cached speed. `undefined` after a new sample, until it is computed. */
  speed: number | undefined;
}

/** The speed of recent responses, by endpoint and model. */
export class RecentSpeeds {
  readonly #models = new ModelTable<Model>();

  /** Adds a response. Ignores short responses. */
  add(endpoint: string, model: string, { principal, tokens, durationMs }: SpeedSample): void {
    if (tokens < LEAST_TOKENS || durationMs <= 0) return;
    const use = { endpoint, model, principal };
    const of = this.#models.use(use, () => ({ byPrincipal: new Map(), speed: undefined }));
    const samples = of.byPrincipal.get(principal) ?? { speeds: [], fast: undefined, next: 0 };
    // The map has its principals in the order of their latest responses. So the first one has been silent the
    // longest.
    of.byPrincipal.delete(principal);
    if (of.byPrincipal.size >= MAX_PRINCIPALS) {
      for (const oldest of of.byPrincipal.keys()) {
        of.byPrincipal.delete(oldest);
        break;
      }
    }
    of.byPrincipal.set(principal, samples);
    samples.speeds[samples.next] = tokens / durationMs;
    samples.next = (samples.next + 1) % MOST_SAMPLES;
    samples.fast = undefined;
    of.speed = undefined;
  }

  /** The speed that 9 of 10 responses of the fastest principal do not exceed, in tokens per millisecond. */
  tokensPerMs(endpoint: string, model: string): number {
    const of = this.#models.get(endpoint, model);
    if (of === undefined) return USUAL_TOKENS_PER_MS;
    of.speed ??= fastest(of.byPrincipal.values());
    return of.speed;
  }
}

function fastest(all: Iterable<Samples>): number {
  let most = USUAL_TOKENS_PER_MS;
  for (const samples of all) {
    if (samples.speeds.length < FEWEST_SAMPLES) continue;
    samples.fast ??= percentile90(samples.speeds);
    most = Math.max(most, samples.fast);
  }
  return Math.min(most, MOST_TOKENS_PER_MS);
}

function percentile90(speeds: readonly number[]): number {
  const sorted = speeds.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.9) - 1] ?? 0;
}
