/**
 * The time that budgets count by. A machine without a battery starts in 1970 or at the time of its last shutdown, and
 * jumps when it has asked a time server; a clock may also be set back.
 */

import type { Clock } from "../time/clock.ts";
import { hourOf } from "./budget_calendar.ts";

/** Nobody ran this program before: a clock that shows an earlier time is wrong. */
export const EARLIEST_MS: number = Date.UTC(2020, 0, 1);

/** What happened to the clock. */
export type ClockEvent =
  /** It shows a time that cannot be right. */
  | { readonly kind: "wrong"; readonly shownMs: number }
  /**
   * The clock became right, or was set back by `byMs` to an earlier hour. Spending that was booked while
   * it was wrong, or after `hour`, counts in `hour` from now on.
   */
  | { readonly kind: "right" | "set_back"; readonly hour: number; readonly byMs: number };

/** A moment, as budgets see it. */
export interface BudgetTime {
  /** Milliseconds since 1970. While the clock is wrong it goes on from the latest time that is known. */
  readonly epochMs: number;
  /** The hour of it. */
  readonly hour: number;
  /** False while the clock is wrong. */
  readonly isDated: boolean;
}

/** Tells the time of budgets, and when the clock was moved. */
export class BudgetClock {
  readonly #clock: Clock;
  readonly #onEvent: (event: ClockEvent) => void;
  /** A time that was right; the clock cannot be right before it. */
  #known: number;
  /** Where time goes on from while the clock is wrong from the start. */
  readonly #latest: number;
  /** The latest reading: the time of budgets, and the clock that never goes back. */
  #last: { readonly epochMs: number; readonly now: number } | undefined;
  #state: "unread" | "wrong" | "right" = "unread";

  /**
   * `latest`: the latest hour in which something was booked, and the latest one of a clock that was right. `onEvent` is
   * called while the time is read, before it is told.
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

  read(): BudgetTime {
    const shownMs = this.#clock.epochMs();
    const now = this.#clock.now();
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
    const before = this.#last;
    const hour = hourOf(epochMs);
    const wasRight = this.#state === "right";
    this.#state = "right";
    this.#last = { epochMs, now };
    const byMs = expected - epochMs;
    if (!wasRight) this.#onEvent({ kind: "right", hour, byMs });
    else if (before !== undefined && hour < hourOf(before.epochMs)) {
      this.#onEvent({ kind: "set_back", hour, byMs: Math.max(0, byMs) });
    }
    return { epochMs, hour, isDated: true };
  }
}
