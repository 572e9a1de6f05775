/** Checks how much of a budget is left. */

import type { BudgetWindow } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Limits } from "../principal.ts";
import { type BudgetCalendar, type Period, PERIODS, type Span } from "./budget_calendar.ts";
import type { BudgetTime } from "./budget_clock.ts";
import type { Ledger } from "./ledger.ts";

const HOUR_MS = 3_600_000;

/** The periods as error messages name them. */
const WORDS: Readonly<Record<BudgetWindow, Readonly<Record<Period, string>>>> = {
  calendar: { day: "per day", week: "per week", month: "per month" },
  rolling: { day: "in 24 hours", week: "in 7 days", month: "in 30 days" },
};

/** The member of limits that has the budget for a period. */
const BUDGETS = { day: "dayBudgetMicros", week: "weekBudgetMicros", month: "monthBudgetMicros" } as const;

/**
 * Returns the fault `budget_exceeded` for the first budget that is spent or reserved, or undefined if each
 * budget has a remainder.
 */
export function budgetFault(
  { what, scope, limits, ledger }: {
    readonly what: string;
    /** The end of the message: the requests that the budget is for, like ` for models gpt-5*`. */
    readonly scope: string;
    readonly limits: Limits;
    readonly ledger: Pick<Ledger, "spent" | "reservedMicros">;
  },
  { time, calendar, concurrentRetryMs }: {
    readonly time: BudgetTime;
    readonly calendar: BudgetCalendar;
    /** `retry-after` if running requests have reserved the remainder, in milliseconds. */
    readonly concurrentRetryMs: number;
  },
): ProxyFault | undefined {
  const { spent, reservedMicros } = ledger;
  const check = (
    budget: number | undefined,
    amount: number,
    { when, resetMs }: { when: string; resetMs: (budget: number) => number | undefined },
  ): ProxyFault | undefined => {
    if (budget === undefined || amount + reservedMicros < budget) return undefined;
    const shown = `${dollars(budget)} ${when}${scope}`;
    return amount >= budget
      ? new ProxyFault(
        "budget_exceeded",
        `This ${what} has spent its budget of ${shown}.`,
        retryOf(resetMs(budget)),
      )
      : new ProxyFault(
        "budget_exceeded",
        `The rest of this ${what}'s budget of ${shown} is reserved for requests and background responses that still run.`,
        retryOf(concurrentRetryMs),
      );
  };
  for (const period of PERIODS) {
    const budget = limits[BUDGETS[period]];
    // Most subjects have no budget for a period, and need no calendar.
    if (budget === undefined) continue;
    const span = calendar.spans(time.hour)[period];
    const fault = check(budget, spent.since(span.from), {
      when: WORDS[calendar.periods.window][period],
      resetMs: (budget) => msUntilFree(span, { budget, spent, time }),
    });
    if (fault !== undefined) return fault;
  }
  return check(limits.totalBudgetMicros, spent.totalMicros, { when: "in total", resetMs: () => undefined });
}

/**
 * The smallest remainder of the budgets, neither spent nor reserved, in micro-dollars. Infinity without a
 * budget.
 */
export function budgetLeft(
  { limits, ledger: { spent, reservedMicros } }: {
    readonly limits: Limits;
    readonly ledger: Pick<Ledger, "spent" | "reservedMicros">;
  },
  { time, calendar }: { readonly time: BudgetTime; readonly calendar: BudgetCalendar },
): number {
  let left = (limits.totalBudgetMicros ?? Infinity) - spent.totalMicros;
  for (const period of PERIODS) {
    const budget = limits[BUDGETS[period]];
    if (budget === undefined) continue;
    left = Math.min(left, budget - spent.since(calendar.spans(time.hour)[period].from));
  }
  return left - reservedMicros;
}

/**
 * The milliseconds until the period ends, or until a rolling period has dropped enough hours. `undefined` if waiting
 * does not help.
 */
function msUntilFree(
  { from, until }: Span,
  { budget, spent, time }: { budget: number; spent: Ledger["spent"]; time: BudgetTime },
): number | undefined {
  if (until !== undefined) return until - time.epochMs;
  const last = spent.lastHourAbove(budget, from);
  return last === undefined ? undefined : last + HOUR_MS + (time.hour - from) - time.epochMs;
}

/**
 * The option `retryAfterSeconds` of a fault. No option if `resetMs` is undefined, because a retry is then
 * useless.
 */
export function retryOf(resetMs: number | undefined): { retryAfterSeconds?: number } {
  return resetMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(resetMs / 1000)) };
}

/** An amount as text, such as `$1.50`. */
function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(micros % 10_000 === 0 ? 2 : 6)}`;
}
