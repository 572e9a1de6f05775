/** Checks the limits that a request counts for: its rates, its concurrency, its tokens and its money. */

import type { BudgetPeriods } from "../config/config.ts";
import type { ProxyFault } from "../faults.ts";
import type { Limits, Subject } from "../principal.ts";
import type { Clock } from "../time/clock.ts";
import { BudgetCalendar } from "./budget_calendar.ts";
import { budgetLeft, budgetRejection } from "./budget_check.ts";
import type { BudgetClock } from "./budget_clock.ts";
import type { Ledger, Reservation } from "./ledger.ts";
import { hasBudget } from "./model_rules.ts";
import { CONCURRENT_RETRY_MS, faultOf, MOST_OPTIMISTIC, type Rejection } from "./rejection.ts";

/** The limits that one request counts for, with their counts. */
export interface CountedLimits {
  /** The key of the ledger, by which all processes know the subject or its limit for models. */
  readonly key: string;
  /** What the limits belong to, as messages name it: `token`, `project`. */
  readonly what: string;
  /** The end of messages: the requests that count, like ` for models gpt-5*`. */
  readonly scope: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
  readonly ledger: Ledger;
}

/** The limits of a subject for all of its requests. */
export function countedLimits({ key, what, rules }: Subject, ledger: Ledger): CountedLimits {
  return { key, what, scope: "", limits: rules, maxRequests: rules.maxRequests, ledger };
}

/** Limits and counts without their names. */
type Checked = Pick<CountedLimits, "limits" | "maxRequests" | "ledger">;

/** Compares counts with limits at the present time. Changes no count. */
export class LimitCheck {
  readonly #clock: Clock;
  readonly #budgetClock: BudgetClock;
  #calendar: BudgetCalendar;

  /** `periods` are those of budgets. */
  constructor(clock: Clock, { budgetClock, periods }: { budgetClock: BudgetClock; periods: BudgetPeriods }) {
    this.#clock = clock;
    this.#budgetClock = budgetClock;
    this.#calendar = new BudgetCalendar(periods);
  }

  /** The periods that budgets have now. */
  get calendar(): BudgetCalendar {
    return this.#calendar;
  }

  /** Sets the periods of budgets. */
  configure(periods: BudgetPeriods): void {
    this.#calendar = new BudgetCalendar(periods);
  }

  /**
   * Checks the number of requests: of all time, at the same time, and within a minute. Throws
   * `budget_exceeded` or `rate_limited`.
   */
  checkRequests(counts: CountedLimits, now: number): void {
    const rejection = requestRejection(counts, now);
    if (rejection !== undefined) throw this.faultOf(rejection, counts);
  }

  /** Checks the number of requests within a minute. Throws `rate_limited`. */
  checkRate(counts: CountedLimits, now: number): void {
    const rejection = rateRejection(counts, now);
    if (rejection !== undefined) throw this.faultOf(rejection, counts);
  }

  /**
   * Checks tokens and money, which are known only when a response has ended. Throws `rate_limited` or
   * `budget_exceeded`.
   */
  checkAmounts(counts: CountedLimits, now: number): void {
    const { limits } = counts;
    let rejection = tokenRejection(counts, now);
    // Most limits have no budget, and need neither the clock nor the calendar.
    if (rejection === undefined && hasBudget(limits)) {
      rejection = budgetRejection(counts, { time: this.#budgetClock.read(now), calendar: this.#calendar });
    }
    if (rejection !== undefined) throw this.faultOf(rejection, counts);
  }

  /** Whether this request and the running requests together can exceed a budget by their highest costs. */
  mayExceed(
    { limits, ledger }: CountedLimits,
    { reservation, now }: { readonly reservation: Reservation; readonly now: number },
  ): boolean {
    const excess = excessOf(reservation);
    if (excess === 0) return false;
    const at = { time: this.#budgetClock.read(now), calendar: this.#calendar };
    const left = budgetLeft({ limits, ledger }, at);
    return reservation.micros + excess + ledger.excessMicros > left;
  }

  /**
   * Throws `budget_exceeded` if {@link MOST_OPTIMISTIC} requests are already running whose highest cost the
   * budget may not cover. Call it only if {@link mayExceed} is true for this request.
   */
  checkOptimistic(counts: CountedLimits): void {
    if (counts.ledger.optimistic >= MOST_OPTIMISTIC) throw this.faultOf({ kind: "optimistic" }, counts);
  }

  /** The error for the client of a request that these limits reject. */
  faultOf(rejection: Rejection, counts: Omit<CountedLimits, "ledger">): ProxyFault {
    const { window } = this.#calendar.periods;
    return faultOf(rejection, counts, { epochMs: this.#clock.epochMs(), window });
  }
}

/**
 * Checks the number of requests of all time, at the same time, and within a minute. Returns the first limit
 * that rejects a further request. `undefined` if none does.
 */
export function requestRejection(checked: Checked, now: number): Rejection | undefined {
  const { limits: { concurrentRequests }, maxRequests, ledger } = checked;
  if (maxRequests !== undefined && ledger.requests >= maxRequests) return { kind: "max_requests" };
  if (concurrentRequests !== undefined && ledger.running >= concurrentRequests) {
    return { kind: "concurrent_requests" };
  }
  return rateRejection(checked, now);
}

/** Checks the number of requests within a minute. `undefined` if a further request is allowed. */
function rateRejection(
  { limits: { requestsPerMinute: limit }, ledger: { requestsThisMinute } }: Checked,
  now: number,
): Rejection | undefined {
  if (limit === undefined || requestsThisMinute.sum(now) < limit) return undefined;
  return { kind: "requests_per_minute", resetMs: requestsThisMinute.msUntilBelow(now, limit) };
}

/**
 * Checks the tokens within a minute. `undefined` if a further request is allowed. The tokens that running
 * requests have reserved count. The reservation of this request does not count, because a request for a large
 * response could otherwise never pass.
 */
export function tokenRejection(
  { limits: { tokensPerMinute }, ledger: { reservedTokens, tokensThisMinute } }: Checked,
  now: number,
): Rejection | undefined {
  if (tokensPerMinute === undefined) return undefined;
  const free = tokensPerMinute - reservedTokens;
  if (tokensThisMinute.sum(now) < free) return undefined;
  const resetMs = free > 0 ? tokensThisMinute.msUntilBelow(now, free) : CONCURRENT_RETRY_MS;
  return { kind: "tokens_per_minute", resetMs };
}

/** By how much a request can cost more than it reserves, in micro-dollars. */
export function excessOf({ micros, mostMicros = micros }: Reservation): number {
  return Math.max(0, mostMicros - micros);
}
