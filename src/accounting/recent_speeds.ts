/**
 * How fast each model has written lately: what nobody saw of an answer is estimated by the time that it took. Nobody can
 * make the estimates of others smaller: the fastest principal counts, and never less than a default.
 */

/** As fast as most models. */
export const USUAL_TOKENS_PER_MS = 0.2;
/** No model is faster; an answer that seems to be was kept somewhere. */
const MOST_TOKENS_PER_MS = 5;
/** Of shorter answers the time says more about the network than about the model. */
const LEAST_TOKENS = 100;
/** Answers that are kept of each principal. */
const MOST_SAMPLES = 20;
/** With fewer a principal does not count. */
const FEWEST_SAMPLES = 5;
const MAX_PRINCIPALS = 50;
const MAX_MODELS = 1_000;

/** An answer that was reported whole. */
export interface SpeedSample {
  readonly principal: string;
  /** Its output. */
  readonly tokens: number;
  /** From the request to its end. */
  readonly durationMs: number;
}

interface Samples {
  readonly speeds: number[];
  /** Where the next one goes. */
  next: number;
}

interface Model {
  readonly byPrincipal: Map<string, Samples>;
  /** Undefined: not worked out since the last one came. */
  speed: number | undefined;
}

/** Keeps the speed of recent answers by endpoint and model. */
export class RecentSpeeds {
  readonly #models = new Map<string, Model>();

  add(endpoint: string, model: string, { principal, tokens, durationMs }: SpeedSample): void {
    if (tokens < LEAST_TOKENS || durationMs <= 0) return;
    const key = `${endpoint} ${model}`;
    let of = this.#models.get(key);
    if (of === undefined) {
      if (this.#models.size >= MAX_MODELS) this.#models.clear();
      this.#models.set(key, of = { byPrincipal: new Map(), speed: undefined });
    }
    const samples = of.byPrincipal.get(principal) ?? { speeds: [], next: 0 };
    // The principal that came last stands last, and the one that was silent longest goes.
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
    of.speed = undefined;
  }

  /** In tokens per millisecond: what nine of ten answers of the fastest principal do not exceed. */
  tokensPerMs(endpoint: string, model: string): number {
    const of = this.#models.get(`${endpoint} ${model}`);
    if (of === undefined) return USUAL_TOKENS_PER_MS;
    of.speed ??= fastest(of.byPrincipal.values());
    return of.speed;
  }
}

function fastest(all: Iterable<Samples>): number {
  let most = USUAL_TOKENS_PER_MS;
  for (const { speeds } of all) {
    if (speeds.length < FEWEST_SAMPLES) continue;
    const sorted = speeds.toSorted((one, other) => one - other);
    most = Math.max(most, sorted[Math.ceil(sorted.length * 0.9) - 1] ?? 0);
  }
  return Math.min(most, MOST_TOKENS_PER_MS);
}
