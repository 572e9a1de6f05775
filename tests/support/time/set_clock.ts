import { type Clock, systemClock } from "../../../src/time/clock.ts";

/** The machine's own clock with a time of day that a test sets, and that goes on from there. */
export class SetClock implements Clock {
  #aheadMs = 0;

  readonly now = systemClock.now;
  readonly epochMs = (): number => systemClock.epochMs() + this.#aheadMs;
  readonly after = systemClock.after;

  constructor(epochMs: number) {
    this.show(epochMs);
  }

  show(epochMs: number): void {
    this.#aheadMs = epochMs - systemClock.epochMs();
  }
}
