import { TimerLists } from "./timer_lists.ts";

/** A source of time. Tests pass their own clock. */
export interface Clock {
  /** Milliseconds since an arbitrary start. The value never decreases. */
  readonly now: () => number;
  /** Milliseconds since 1970, for dates. */
  readonly epochMs: () => number;
  /** Calls `then` once after `delayMs`. The returned function cancels the call. */
  readonly after: (delayMs: number, then: () => void) => () => void;
}

const timers = new TimerLists();

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  after: (delayMs, then) => timers.after(delayMs, then),
};
