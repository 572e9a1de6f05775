import { type Clock, systemClock } from "../../../src/time/clock.ts";

/** The machine's own clock, which a test can put forward. */
export class LaterClock implements Clock {
  #ahead = 0;

  readonly now = (): number => systemClock.now() + this.#ahead;
  readonly epochMs = (): number => systemClock.epochMs() + this.#ahead;
  readonly after = systemClock.after;

  pass(durationMs: number): void {
    this.#ahead += durationMs;
  }
}
