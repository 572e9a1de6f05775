/** What one subject has used: the state behind its limits and budgets. */

import { MinuteWindow } from "./minute_window.ts";

const DAY_MS = 24 * 3_600_000;

/** What a subject had used when the program started. */
export interface Balance {
  readonly requests: number;
  readonly dayMicros: number;
  readonly monthMicros: number;
  readonly totalMicros: number;
}

/** What an admitted request may still cost. */
export interface Reservation {
  readonly tokens: number;
  readonly micros: number;
}

/** Counts of one subject. Days and months are UTC's. */
export class Ledger {
  readonly requestsThisMinute = new MinuteWindow();
  readonly tokensThisMinute = new MinuteWindow();
  running = 0;
  requests: number;
  reservedTokens = 0;
  reservedMicros = 0;
  totalMicros: number;
  #dayMicros: number;
  #monthMicros: number;
  /** Days since 1970. */
  #day: number;

  constructor(balance: Balance | undefined, epochMs: number) {
    this.requests = balance?.requests ?? 0;
    this.totalMicros = balance?.totalMicros ?? 0;
    this.#dayMicros = balance?.dayMicros ?? 0;
    this.#monthMicros = balance?.monthMicros ?? 0;
    this.#day = dayOf(epochMs);
  }

  dayMicros(epochMs: number): number {
    this.#turn(epochMs);
    return this.#dayMicros;
  }

  monthMicros(epochMs: number): number {
    this.#turn(epochMs);
    return this.#monthMicros;
  }

  spend(micros: number, epochMs: number): void {
    this.#turn(epochMs);
    this.#dayMicros += micros;
    this.#monthMicros += micros;
    this.totalMicros += micros;
  }

  #turn(epochMs: number): void {
    const day = dayOf(epochMs);
    if (day === this.#day) return;
    this.#dayMicros = 0;
    if (periodStarts(epochMs).month > this.#day * DAY_MS) this.#monthMicros = 0;
    this.#day = day;
  }
}

function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}

/** Milliseconds until UTC's next day or month begins. */
export function msUntilNext(period: "day" | "month", epochMs: number): number {
  const date = new Date(epochMs);
  const next = period === "day"
    ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1)
    : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  return next - epochMs;
}

/** The first moments of UTC's day and month that a moment lies in. */
export function periodStarts(epochMs: number): { readonly day: number; readonly month: number } {
  const date = new Date(epochMs);
  return {
    day: Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()),
    month: Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1),
  };
}
