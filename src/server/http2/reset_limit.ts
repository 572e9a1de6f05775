/** The most streams that a client may reset at once. */
const BURST = 200;
/** The number of further resets that are allowed in each second. */
const PER_SECOND = 20;

/**
 * Limits how often a client resets running streams. A reset costs the client little, but the proxy has begun
 * an exchange for each stream.
 */
export class ResetLimit {
  readonly #now: () => number;
  #left = BURST;
  #countedAt: number;

  /** `now` returns milliseconds of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
    this.#countedAt = now();
  }

  /** Counts a reset. Returns `false` if there were too many. */
  mayReset(): boolean {
    const now = this.#now();
    this.#left = Math.min(BURST, this.#left + (now - this.#countedAt) / 1_000 * PER_SECOND);
    this.#countedAt = now;
    return this.#left-- >= 1;
  }
}
