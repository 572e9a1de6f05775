import type { Clock } from "../../../src/time/clock.ts";

/** A clock that stands until a test moves it. */
export class FakeClock implements Clock {
  static readonly START: number = Date.UTC(2026, 3, 29);
  #now: number;
  readonly #timers = new Set<{ at: number; then: () => void }>();

  /** `now` is its first time. A negative one lets time pass before the start of the Wednesday. */
  constructor(now = 0) {
    this.#now = now;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  readonly now = (): number => this.#now;

  /** It stands at the start of a Wednesday until time passes. */
  readonly epochMs = (): number => FakeClock.START + this.#now;

  readonly after = (delayMs: number, then: () => void): () => void => {
    const timer = { at: this.#now + delayMs, then };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets time pass; timers fire in their order. */
  pass(durationMs: number): void {
    const end = this.#now + durationMs;
    while (true) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.then();
    }
    this.#now = end;
  }
}
