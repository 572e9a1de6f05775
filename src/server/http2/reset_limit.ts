/** The number of streams that a client may reset at once, and the number of further resets in each second. */
const BURST = 200;
const PER_SECOND = 20;

/**
 * Limits how often a client resets running streams. A reset is cheap for the client, while the proxy has
 * begun an exchange for each stream.
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

  /** Counts a reset. Returns false if there were too many. */
  mayReset(): boolean {
    const now = this.#now();
    this.#left = Math.min(BURST, this.#left + (now - this.#countedAt) / 1_000 * PER_SECOND);
    this.#countedAt = now;
    return this.#left-- >= 1;
  }
}
