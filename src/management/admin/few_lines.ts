import type { Clock } from "../../time/clock.ts";

const MINUTE_MS = 60_000;

/** Limits the lines that strangers can cause in the log. */
export class FewLines {
  readonly #max: number;
  readonly #clock: Pick<Clock, "now">;
  #startedAt = -Infinity;
  #written = 0;
  #leftOut = 0;

  /** `max` is the most lines in a minute. */
  constructor(max: number, clock: Pick<Clock, "now">) {
    this.#max = max;
    this.#clock = clock;
  }

  /** The number of lines that were left out before this one; `undefined` if this one is left out too. */
  next(): number | undefined {
    const now = this.#clock.now();
    if (now - this.#startedAt >= MINUTE_MS) {
      this.#startedAt = now;
      this.#written = 0;
    }
    if (this.#written >= this.#max) {
      this.#leftOut++;
      return undefined;
    }
    this.#written++;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
