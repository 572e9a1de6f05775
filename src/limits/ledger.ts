/** The counts of one subject: its requests, tokens and spending, and what its running requests reserve. */

import { MinuteWindow } from "./minute_window.ts";
import type { Spending } from "../storage/store.ts";
import { SpentHours } from "./spent_hours.ts";

/**
 * The usage of a subject when the program started, with its hours of at least the last 62 days. Money is in
 * millionths of a US dollar.
 */
export type Balance = Pick<Spending, "requests" | "totalMicros" | "hours">;

/** What an admitted request reserves while it runs. */
export interface Reservation {
  readonly tokens: number;
  /** The expected or the highest cost, in micro-dollars. Other requests cannot spend it. */
  readonly micros: number;
  /** The highest cost, in micro-dollars. `undefined` if `micros` is the highest cost. */
  readonly mostMicros?: number | undefined;
}

/**
 * The counts of one subject, or of one of its limits for certain models. Money is in millionths of a US
 * dollar.
 */
export class Ledger {
  readonly requestsThisMinute = new MinuteWindow();
  readonly tokensThisMinute = new MinuteWindow();
  readonly spent: SpentHours;
  running = 0;
  requests: number;
  reservedTokens = 0;
  reservedMicros = 0;
  /** The sum over running requests of their highest cost minus their reserved cost. */
  excessMicros = 0;
  /** The running requests whose highest cost did not fit into the budget. */
  optimistic = 0;

  constructor(requests: number, spent: SpentHours) {
    this.requests = requests;
    this.spent = spent;
  }
}

/** The balance of a subject, kept until the first request of the subject. */
export interface OpeningBalance {
  readonly requests: number;
  readonly spent: SpentHours;
}

/**
 * Converts the balances of the database into the counts with which ledgers begin, by the key of the subject.
 */
export function openingBalances(balances: ReadonlyMap<string, Balance>): Map<string, OpeningBalance> {
  return new Map(
    [...balances].map(([key, balance]) => [key, {
      requests: balance.requests,
      spent: new SpentHours(balance),
    }]),
  );
}
