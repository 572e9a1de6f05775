/** What one subject has used: the state behind its limits and budgets. */

import { MinuteWindow } from "./minute_window.ts";
import { type SpentHour, SpentHours } from "./spent_hours.ts";

/** What a subject had used when the program started, in millionths of a US dollar. */
export interface Balance {
  readonly requests: number;
  readonly totalMicros: number;
  /** At least of the last 62 days. */
  readonly hours: readonly SpentHour[];
}

/** What an admitted request may still cost. */
export interface Reservation {
  readonly tokens: number;
  /** What is expected, or the most: this much is not there for other requests. */
  readonly micros: number;
  /** The most that it can cost. Undefined: `micros` is the most. */
  readonly mostMicros?: number | undefined;
}

/** Counts of one subject, or of one of its rules for models. */
export class Ledger {
  readonly requestsThisMinute = new MinuteWindow();
  readonly tokensThisMinute = new MinuteWindow();
  readonly spent: SpentHours;
  running = 0;
  requests: number;
  reservedTokens = 0;
  reservedMicros = 0;
  /** By how much running requests can cost more than what is reserved for them. */
  excessMicros = 0;
  /** Running requests whose most did not fit into the budget. */
  optimistic = 0;

  constructor(requests: number, spent: SpentHours) {
    this.requests = requests;
    this.spent = spent;
  }
}

/** A balance that is held until its subject calls. */
export interface OpeningBalance {
  readonly requests: number;
  readonly spent: SpentHours;
}

/** Balances by key, ready to be counted on. */
export function openingBalances(balances: ReadonlyMap<string, Balance>): Map<string, OpeningBalance> {
  return new Map(
    [...balances].map(([key, balance]) => [key, {
      requests: balance.requests,
      spent: new SpentHours(balance),
    }]),
  );
}
