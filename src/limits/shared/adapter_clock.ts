/** The time of the adapter of shared counts, by the clock of this machine and their difference. */

import type { Clock } from "../../time/clock.ts";
import { hourOf } from "../budget_calendar.ts";

/** A smaller difference between two answers is a delay of the network, in milliseconds. */
const NETWORK_DELAY_MS = 1_000;

/** Knows the time of the adapter between its answers. */
export class AdapterClock {
  readonly #clock: Pick<Clock, "epochMs">;
  /** By how much the clock of the adapter is ahead. `undefined` before its first answer. */
  #offsetMs: number | undefined;

  constructor(clock: Pick<Clock, "epochMs">) {
    this.#clock = clock;
  }

  /** Whether the adapter has told its time. */
  get isKnown(): boolean {
    return this.#offsetMs !== undefined;
  }

  /**
   * By how much the clock of the adapter is ahead of the clock of this machine, in milliseconds. 0 before the
   * first answer of the adapter.
   */
  get offsetMs(): number {
    return this.#offsetMs ?? 0;
  }

  /** The start of the present hour of the adapter, in milliseconds since 1970. */
  get hour(): number {
    return hourOf(this.#clock.epochMs() + this.offsetMs);
  }

  /**
   * Takes over the time in an answer of the adapter, in milliseconds since 1970. Ignores a small difference
   * from the time that is known, unless `isCertain` is true.
   */
  adjust(epochMs: number, { isCertain }: { readonly isCertain: boolean }): void {
    const offsetMs = epochMs - this.#clock.epochMs();
    const isFirst = this.#offsetMs === undefined;
    if (isFirst || isCertain || Math.abs(offsetMs - this.offsetMs) > NETWORK_DELAY_MS) {
      this.#offsetMs = offsetMs;
    }
  }
}
