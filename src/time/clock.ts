import { TimerLists } from "./timer_lists.ts";

/**
 * The program did not exist before this time, in milliseconds since 1970: a clock that shows an earlier time
 * is wrong.
 */
export const EARLIEST_MS: number = Date.UTC(2020, 0, 1);

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
