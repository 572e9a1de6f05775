import type { Clock } from "../../../src/time/clock.ts";

/** A clock whose time of day can be set, while the clock that never goes back goes on. */
export class MovedClock implements Clock {
  #now = 0;
  #epochMs: number;
  readonly #timers = new Set<{ at: number; then: () => void }>();

  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  readonly now = (): number => this.#now;
  readonly epochMs = (): number => this.#epochMs;

  readonly after = (delayMs: number, then: () => void): () => void => {
    const timer = { at: this.#now + delayMs, then };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets time pass; what is due fires at its end. */
  pass(durationMs: number): void {
    this.#now += durationMs;
    this.#epochMs += durationMs;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.then();
    }
  }

  /** Shows another time of day from now on. */
  set(epochMs: number): void {
    this.#epochMs = epochMs;
  }
}
