/** Slows down those who guess tokens. */

import type { Clock } from "../clock.ts";
import { MinuteWindow } from "../limits/minute_window.ts";
import { Problem } from "./problem.ts";

const MAX_FAILURES = 5;
/** So many addresses are remembered; when there are more, the oldest is forgotten. */
const MAX_ADDRESSES = 1_000;

/** Counts failures by address. */
export class FailureGate {
  readonly #clock: Clock;
  readonly #failures = new Map<string, MinuteWindow>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws where an address has failed too often within a minute; the right token does not help then either. */
  check(source: string): void {
    const now = this.#clock.now();
    const window = this.#failures.get(source);
    if (window === undefined || window.sum(now) < MAX_FAILURES) return;
    const seconds = Math.max(1, Math.ceil(window.msUntilBelow(now, MAX_FAILURES) / 1000));
    throw new Problem(429, `Too many wrong tokens came from your address: wait ${seconds} s.`, {
      headers: { "retry-after": String(seconds) },
    });
  }

  failed(source: string): void {
    let window = this.#failures.get(source);
    if (window === undefined) {
      const [oldest] = this.#failures.keys();
      if (this.#failures.size >= MAX_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
      this.#failures.set(source, window = new MinuteWindow());
    }
    window.add(this.#clock.now(), 1);
  }
}
