/** Whether a budget leaves something to spend. */

import type { BudgetWindow } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Limits } from "../principal.ts";
import { type BudgetCalendar, type Period, PERIODS, type Span } from "./budget_calendar.ts";
import type { BudgetTime } from "./budget_clock.ts";
import type { Ledger } from "./ledger.ts";

const HOUR_MS = 3_600_000;

/** Periods in the words of messages. */
const WORDS: Readonly<Record<BudgetWindow, Readonly<Record<Period, string>>>> = {
  calendar: { day: "per day", week: "per week", month: "per month" },
  rolling: { day: "in 24 hours", week: "in 7 days", month: "in 30 days" },
};

/** The fault of the first budget that is used up; undefined: none is. */
export function budgetFault(
  { what, scope, limits, ledger }: {
    readonly what: string;
    /** Behind what is said: for which requests the budget is. */
    readonly scope: string;
    readonly limits: Limits;
    readonly ledger: Pick<Ledger, "spent" | "reservedMicros">;
  },
  { time, calendar, concurrentRetryMs }: {
    readonly time: BudgetTime;
    readonly calendar: BudgetCalendar;
    /** When a running request may have ended. */
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
        `The rest of this ${what}'s budget of ${shown} is reserved by running requests and background responses.`,
        retryOf(concurrentRetryMs),
      );
  };
  const budgets: Readonly<Record<Period, number | undefined>> = {
    day: limits.dayBudgetMicros,
    week: limits.weekBudgetMicros,
    month: limits.monthBudgetMicros,
  };
  for (const period of PERIODS) {
    const budget = budgets[period];
    // Most have none, and need no calendar.
    if (budget === undefined) continue;
    const span = calendar.spans(time.hour)[period];
    const fault = check(budget, spent.since(span.from), {
      when: WORDS[calendar.periods.window][period],
      resetMs: (budget) => msUntilFree(span, { budget, spent, time }),
    });
    if (fault !== undefined) return fault;
  }
  return check(limits.totalBudgetMicros, spent.totalMicros, { when: "in all", resetMs: () => undefined });
}

/** What the narrowest budget leaves that is neither spent nor reserved, in micro-dollars. Infinity: there is no budget. */
export function budgetLeft(
  { limits, ledger: { spent, reservedMicros } }: {
    readonly limits: Limits;
    readonly ledger: Pick<Ledger, "spent" | "reservedMicros">;
  },
  { time, calendar }: { readonly time: BudgetTime; readonly calendar: BudgetCalendar },
): number {
  const { dayBudgetMicros, weekBudgetMicros, monthBudgetMicros, totalBudgetMicros } = limits;
  const budgets = { day: dayBudgetMicros, week: weekBudgetMicros, month: monthBudgetMicros };
  const left = PERIODS.map((period) => {
    const budget = budgets[period];
    return budget === undefined ? Infinity : budget - spent.since(calendar.spans(time.hour)[period].from);
  });
  return Math.min(...left, (totalBudgetMicros ?? Infinity) - spent.totalMicros) - reservedMicros;
}

/** Until the period ends, or enough has passed out of a rolling one; undefined: that helps nothing. */
function msUntilFree(
  { from, until }: Span,
  { budget, spent, time }: { budget: number; spent: Ledger["spent"]; time: BudgetTime },
): number | undefined {
  if (until !== undefined) return until - time.epochMs;
  const last = spent.lastHourAbove(budget, from);
  return last === undefined ? undefined : last + HOUR_MS + (time.hour - from) - time.epochMs;
}

/** Options of a fault after which a request is let in again; none where waiting does not help. */
export function retryOf(resetMs: number | undefined): { retryAfterSeconds?: number } {
  return resetMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(resetMs / 1000)) };
}

/** `$1.50` */
function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(micros % 10_000 === 0 ? 2 : 6)}`;
}
