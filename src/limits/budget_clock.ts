/**
 * The time that budgets use. A machine without a battery for its clock starts in 1970 or at the time of its
 * last shutdown. Its clock jumps when it gets the time from a time server. A user can also set a clock back.
 */

import { type Clock, EARLIEST_MS } from "../time/clock.ts";
import { hourOf } from "./budget_calendar.ts";

/** A change of the clock that affects budgets. */
export type ClockEvent =
  /** The clock shows a time that cannot be right. */
  | { readonly kind: "wrong"; readonly shownMs: number }
  /**
   * The clock became right, or was set back by `byMs` to an earlier hour. Spending that was booked while the
   * clock was wrong, or after `hour`, counts in `hour` from now on.
   */
  | { readonly kind: "right" | "set_back"; readonly hour: number; readonly byMs: number };

/** The current time of budgets. */
export interface BudgetTime {
  /** Milliseconds since 1970. While the clock is wrong, time continues from the latest known time. */
  readonly epochMs: number;
  /** The start of the hour of UTC, in milliseconds since 1970. */
  readonly hour: number;
  /** Whether the clock is right. */
  readonly isDated: boolean;
}

/** Reads the time for budgets, and notices a clock that is wrong or was set back. */
export class BudgetClock {
  readonly #clock: Clock;
  readonly #onEvent: (event: ClockEvent) => void;
  /** A time that was right. The clock is wrong if it shows an earlier time. */
  #known: number;
  /** The time from which budgets continue if the clock is wrong from the start. */
  readonly #latest: number;
  /** The latest reading: the time of budgets, and the monotonic clock. */
  #last: { epochMs: number; now: number } | undefined;
  /** The latest result while the clock was right. Requests of the same millisecond share it. */
  #latestRight: BudgetTime | undefined;
  #state: "unread" | "wrong" | "right" = "unread";

  /**
   * `latest.booked` is the latest hour with spending, and `latest.dated` the latest hour with spending that
   * was booked with a right clock. `onEvent` is called during {@link read}, before it returns.
   */
  constructor(
    clock: Clock,
    { latest, onEvent }: {
      latest: { readonly booked: number | undefined; readonly dated: number | undefined };
      onEvent: (event: ClockEvent) => void;
    },
  ) {
    this.#clock = clock;
    this.#known = Math.max(EARLIEST_MS, latest.dated ?? EARLIEST_MS);
    this.#latest = latest.booked ?? -Infinity;
    this.#onEvent = onEvent;
  }

  /**
   * Reads both clocks, and returns the time of budgets. `now` is the reading of the monotonic clock. Calls
   * `onEvent` if the clock is wrong or was moved.
   */
  read(now: number = this.#clock.now()): BudgetTime {
    const shownMs = this.#clock.epochMs();
    const before = this.#last;
    const expected = before && before.epochMs + now - before.now;
    if (this.#state === "right") {
      if (shownMs >= EARLIEST_MS) return this.#right(shownMs, { now, expected });
      this.#known = expected ?? this.#known;
    } else if (shownMs >= this.#known) {
      return this.#right(shownMs, { now, expected });
    }
    const wasWrong = this.#state === "wrong";
    this.#state = "wrong";
    const epochMs = expected ?? Math.max(shownMs, this.#latest);
    this.#last = { epochMs, now };
    if (!wasWrong) this.#onEvent({ kind: "wrong", shownMs });
    return { epochMs, hour: hourOf(epochMs), isDated: false };
  }

  #right(
    epochMs: number,
    { now, expected = epochMs }: { now: number; expected: number | undefined },
  ): BudgetTime {
    const before = this.#last?.epochMs;
    const hour = hourOf(epochMs);
    const wasRight = this.#state === "right";
    this.#state = "right";
    if (this.#last === undefined) this.#last = { epochMs, now };
    else {
      this.#last.epochMs = epochMs;
      this.#last.now = now;
    }
    const byMs = expected - epochMs;
    if (!wasRight) this.#onEvent({ kind: "right", hour, byMs });
    else if (before !== undefined && hour < hourOf(before)) {
      this.#onEvent({ kind: "set_back", hour, byMs: Math.max(0, byMs) });
    }
    if (this.#latestRight?.epochMs !== epochMs) this.#latestRight = { epochMs, hour, isDated: true };
    return this.#latestRight;
  }
}
