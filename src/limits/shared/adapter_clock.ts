/** The time of the adapter of shared counts, by the monotonic clock of this machine. */

import type { Clock } from "../../time/clock.ts";
import { hourOf } from "../budget_calendar.ts";

/** A smaller difference between two answers is a delay of the network, in milliseconds. */
const NETWORK_DELAY_MS = 1_000;

/**
 * Knows the time of the adapter between its answers. A user or a time server can set the clock of this
 * machine, which changes nothing here: spending of all replicas would otherwise move to another hour.
 */
export class AdapterClock {
  readonly #clock: Pick<Clock, "now" | "epochMs">;
  /** The time of the adapter when the monotonic clock began. `undefined` before its first answer. */
  #beganAt: number | undefined;

  constructor(clock: Pick<Clock, "now" | "epochMs">) {
    this.#clock = clock;
  }

  /** Whether the adapter has told its time. */
  get isKnown(): boolean {
    return this.#beganAt !== undefined;
  }

  /**
   * The present time of the adapter, in milliseconds since 1970. That of this machine before the first answer
   * of the adapter.
   */
  get epochMs(): number {
    return this.#beganAt === undefined ? this.#clock.epochMs() : this.#beganAt + this.#clock.now();
  }

  /** The start of the present hour of the adapter, in milliseconds since 1970. */
  get hour(): number {
    return hourOf(this.epochMs);
  }

  /**
   * Takes over the time in an answer of the adapter, in milliseconds since 1970. Ignores a small difference
   * from the time that is known, unless `isCertain` is true.
   */
  adjust(epochMs: number, { isCertain }: { readonly isCertain: boolean }): void {
    if (this.isKnown && !isCertain && Math.abs(epochMs - this.epochMs) <= NETWORK_DELAY_MS) return;
    this.#beganAt = epochMs - this.#clock.now();
  }
}
