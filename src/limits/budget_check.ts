/** Checks how much of a budget is left. */

import type { Limits } from "../principal.ts";
import { type BudgetCalendar, PERIODS, type Span } from "./budget_calendar.ts";
import type { BudgetTime } from "./budget_clock.ts";
import type { Ledger } from "./ledger.ts";
import { BUDGETS, type Rejection } from "./rejection.ts";

const HOUR_MS = 3_600_000;

/** The limits and the counts of which a budget is checked. */
interface Budgeted {
  readonly limits: Limits;
  readonly ledger: Pick<Ledger, "spent" | "reservedMicros">;
}

/** The time of budgets, and the periods that contain it. */
interface BudgetMoment {
  readonly time: Pick<BudgetTime, "epochMs" | "hour">;
  readonly calendar: Pick<BudgetCalendar, "spans">;
}

/** Returns the first budget that is spent or reserved. `undefined` if each budget has a remainder. */
export function budgetRejection(
  { limits, ledger: { spent, reservedMicros } }: Budgeted,
  { time, calendar }: BudgetMoment,
): Rejection | undefined {
  for (const period of PERIODS) {
    const budget = limits[BUDGETS[period]];
    // Most subjects have no budget for a period, and need no calendar.
    if (budget === undefined) continue;
    const span = calendar.spans(time.hour)[period];
    const amount = spent.since(span.from);
    if (amount + reservedMicros < budget) continue;
    const isSpent = amount >= budget;
    const resetMs = isSpent ? msUntilFree(span, { budget, spent, time }) : undefined;
    return { kind: "budget", period, isSpent, resetMs };
  }
  const { totalBudgetMicros: budget } = limits;
  if (budget === undefined || spent.totalMicros + reservedMicros < budget) return undefined;
  return { kind: "budget", period: "total", isSpent: spent.totalMicros >= budget, resetMs: undefined };
}

/**
 * The smallest remainder of the budgets, neither spent nor reserved, in micro-dollars. Infinity without a
 * budget.
 */
export function budgetLeft(
  { limits, ledger: { spent, reservedMicros } }: Budgeted,
  { time, calendar }: BudgetMoment,
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
 * The milliseconds until the period ends, or until a rolling period has dropped enough hours. `undefined` if
 * waiting does not help.
 */
function msUntilFree(
  { from, until }: Span,
  { budget, spent, time }: { budget: number; spent: Ledger["spent"]; time: BudgetMoment["time"] },
): number | undefined {
  if (until !== undefined) return until - time.epochMs;
  const last = spent.lastHourAbove(budget, from);
  return last === undefined ? undefined : last + HOUR_MS + (time.hour - from) - time.epochMs;
}
