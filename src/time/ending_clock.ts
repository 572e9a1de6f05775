import type { Clock } from "./clock.ts";

/**
 * A clock for the timers of one part of the program. When the part ends, its timers are cancelled and no new
 * one starts, so that no timer outlives it.
 */
export class EndingClock implements Clock {
  readonly now: () => number;
  readonly epochMs: () => number;
  readonly #clock: Clock;
  readonly #stops = new Set<() => void>();
  readonly #wakes = new Set<() => void>();
  #hasEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.now = clock.now;
    this.epochMs = clock.epochMs;
  }

  /** Calls `then` once after `delayMs`, unless the clock ends before. */
  readonly after = (delayMs: number, then: () => void): () => void => {
    if (this.#hasEnded) return () => {};
    const cancel = this.#clock.after(delayMs, () => {
      this.#stops.delete(stop);
      then();
    });
    const stop = (): void => {
      this.#stops.delete(stop);
      cancel();
    };
    this.#stops.add(stop);
    return stop;
  };

  /** Resolves after `delayMs`, or as soon as the clock ends. */
  wait(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#hasEnded) return Promise.resolve();
    this.#wakes.add(resolve);
    this.after(delayMs, resolve);
    return promise.finally(() => this.#wakes.delete(resolve));
  }

  /** Cancels all timers, and ends all waits. */
  end(): void {
    this.#hasEnded = true;
    for (const stop of [...this.#stops]) stop();
    for (const wake of this.#wakes) wake();
  }
}
