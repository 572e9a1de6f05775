/** Checks the limits that a request counts for: its rates, its concurrency, its tokens and its money. */

import type { BudgetPeriods } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Limits, Subject } from "../principal.ts";
import { counted } from "../text/counted.ts";
import type { Clock } from "../time/clock.ts";
import { BudgetCalendar } from "./budget_calendar.ts";
import { budgetFault, budgetLeft, retryOf } from "./budget_check.ts";
import type { BudgetClock } from "./budget_clock.ts";
import type { Ledger, Reservation } from "./ledger.ts";
import { hasBudget } from "./model_rules.ts";

/** The limits that one request counts for, with their counts. */
export interface CountedLimits {
  /** The key of the ledger. */
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

/** `retry-after` if running requests use up a limit. A running request may end at any moment. */
const CONCURRENT_RETRY_MS = 1_000;

/**
 * How many requests of a subject may run with a reservation of their expected cost while the budget does not
 * cover their highest cost. So only this many requests, each with its highest cost, can exceed a budget.
 */
const MOST_OPTIMISTIC = 4;

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
    const { what, scope, limits, maxRequests, ledger } = counts;
    const { concurrentRequests } = limits;
    if (maxRequests !== undefined && ledger.requests >= maxRequests) {
      throw new ProxyFault(
        "budget_exceeded",
        `This ${what} has made the ${counted(maxRequests, "request")} that it may make.`,
        {
          limit: {
            kind: "requests",
            limit: maxRequests,
            remaining: 0,
            resetMs: undefined,
            resetsAt: undefined,
          },
        },
      );
    }
    if (concurrentRequests !== undefined && ledger.running >= concurrentRequests) {
      throw this.#limited(
        `This ${what} may have ${counted(concurrentRequests, "request")} running at a time${scope}.`,
        { kind: "requests", limit: concurrentRequests, resetMs: CONCURRENT_RETRY_MS },
      );
    }
    this.checkRate(counts, now);
  }

  /** Checks the number of requests within a minute. Throws `rate_limited`. */
  checkRate({ what, scope, limits: { requestsPerMinute }, ledger }: CountedLimits, now: number): void {
    if (requestsPerMinute !== undefined && ledger.requestsThisMinute.sum(now) >= requestsPerMinute) {
      const resetMs = ledger.requestsThisMinute.msUntilBelow(now, requestsPerMinute);
      throw this.#limited(
        `This ${what} may make ${counted(requestsPerMinute, "request")} per minute${scope}.`,
        { kind: "requests", limit: requestsPerMinute, resetMs },
      );
    }
  }

  /**
   * Checks tokens and money, which are known only when a response has ended. Throws `rate_limited` or
   * `budget_exceeded`.
   */
  checkAmounts({ what, scope, limits, ledger }: CountedLimits, now: number): void {
    const { tokensPerMinute } = limits;
    if (tokensPerMinute !== undefined) {
      // What running requests have reserved counts. The reservation of this request does not: a request for a
      // large response could never pass.
      const free = tokensPerMinute - ledger.reservedTokens;
      if (ledger.tokensThisMinute.sum(now) >= free) {
        const resetMs = free > 0 ? ledger.tokensThisMinute.msUntilBelow(now, free) : CONCURRENT_RETRY_MS;
        throw this.#limited(
          `This ${what} may use ${counted(tokensPerMinute, "token")} per minute${scope}.`,
          { kind: "tokens", limit: tokensPerMinute, resetMs },
        );
      }
    }
    // Most limits have no budget, and need neither the clock nor the calendar.
    if (!hasBudget(limits)) return;
    const time = this.#budgetClock.read(now);
    const calendar = this.#calendar;
    if (budgetLeft({ limits, ledger }, { time, calendar }) > 0) return;
    const fault = budgetFault({ what, scope, limits, ledger }, {
      time,
      calendar,
      concurrentRetryMs: CONCURRENT_RETRY_MS,
    });
    if (fault !== undefined) throw fault;
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

  #limited(
    message: string,
    { kind, limit, resetMs }: { kind: "requests" | "tokens"; limit: number; resetMs: number },
  ): ProxyFault {
    const resetsAt = this.#clock.epochMs() + resetMs;
    return new ProxyFault("rate_limited", message, {
      limit: { kind, limit, remaining: 0, resetMs, resetsAt },
      // The window is one second longer than a minute, and SDKs wait for at most a minute.
      ...retryOf(Math.min(resetMs, 60_000)),
    });
  }
}

/** By how much a request can cost more than it reserves, in micro-dollars. */
export function excessOf({ micros, mostMicros = micros }: Reservation): number {
  return Math.max(0, mostMicros - micros);
}

/**
 * Throws `budget_exceeded` if {@link MOST_OPTIMISTIC} requests run already whose highest cost the budget does
 * not cover.
 */
export function checkOptimistic({ what, scope, ledger }: CountedLimits): void {
  if (ledger.optimistic < MOST_OPTIMISTIC) return;
  throw new ProxyFault(
    "budget_exceeded",
    `The budget${scope} may not cover all running requests of this ${what}. Only ${MOST_OPTIMISTIC} requests may run ` +
      "then: wait for one to end, or send a smaller max_tokens.",
    retryOf(CONCURRENT_RETRY_MS),
  );
}
