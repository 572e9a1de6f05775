/** Time as the proxy sees it, passed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970, for what has to do with the calendar. */
  readonly epochMs: () => number;
  /** Calls `then` once after `delayMs`; the returned function cancels. */
  readonly after: (delayMs: number, then: () => void) => () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
