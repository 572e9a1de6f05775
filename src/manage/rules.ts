/** Rules between the form in which clients write them and the one in which they are kept. */

import type { Balance } from "../limits/ledger.ts";
import type { Rules } from "../principal.ts";
import type { RulesInput } from "./requests.ts";

type Draft = { -readonly [Key in keyof Rules]?: Rules[Key] | null | undefined };

/** What was changed, put over what holds: left out, a rule stays; null takes it away (RFC 7396). */
export function mergedRules(before: Rules, input: RulesInput): Rules {
  const { limits, budget, max_requests, allowed_endpoints, allowed_models, allowed_paths } = input;
  const cleared = null;
  const draft: Draft = {
    requestsPerMinute: limits === null ? cleared : limits?.requests_per_minute,
    tokensPerMinute: limits === null ? cleared : limits?.tokens_per_minute,
    concurrentRequests: limits === null ? cleared : limits?.concurrent_requests,
    maxRequests: max_requests,
    dayBudgetMicros: budget === null ? cleared : micros(budget?.day_usd),
    monthBudgetMicros: budget === null ? cleared : micros(budget?.month_usd),
    totalBudgetMicros: budget === null ? cleared : micros(budget?.total_usd),
    endpoints: allowed_endpoints,
    models: allowed_models,
    paths: allowed_paths,
  };
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  return Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== null));
}

function micros(dollars: number | null | undefined): number | null | undefined {
  return typeof dollars === "number" ? Math.round(dollars * 1_000_000) : dollars;
}

/** Rules as they are given. */
export function shownRules(rules: Rules, spent: Balance | undefined) {
  return {
    limits: {
      requests_per_minute: rules.requestsPerMinute ?? null,
      tokens_per_minute: rules.tokensPerMinute ?? null,
      concurrent_requests: rules.concurrentRequests ?? null,
    },
    max_requests: rules.maxRequests ?? null,
    budget: {
      day_usd: dollars(rules.dayBudgetMicros),
      month_usd: dollars(rules.monthBudgetMicros),
      total_usd: dollars(rules.totalBudgetMicros),
    },
    spent: {
      day_micros: spent?.dayMicros ?? 0,
      month_micros: spent?.monthMicros ?? 0,
      total_micros: spent?.totalMicros ?? 0,
    },
    allowed_endpoints: rules.endpoints ?? null,
    allowed_models: rules.models ?? null,
    allowed_paths: rules.paths ?? null,
  };
}

function dollars(micros: number | undefined): number | null {
  return micros === undefined ? null : micros / 1_000_000;
}

/** A moment in milliseconds as it is given. */
export function moment(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Likewise of one that may not be. */
export function momentOrNull(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : moment(epochMs);
}
