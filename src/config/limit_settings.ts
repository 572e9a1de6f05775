import type { Rules } from "../principal.ts";
import type { LimitSettings } from "./file_schema.ts";

/** Limits of the file as the rules they are; undefined where there are none. */
export function rulesOf(limits: LimitSettings | undefined): Rules | undefined {
  if (limits === undefined) return undefined;
  const rules = {
    requestsPerMinute: limits.requests_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    concurrentRequests: limits.concurrent_requests,
    maxRequests: limits.max_requests,
    dayBudgetMicros: limits.budget_day_usd,
    monthBudgetMicros: limits.budget_month_usd,
    totalBudgetMicros: limits.budget_total_usd,
    endpoints: limits.endpoints,
    models: limits.models,
    paths: limits.paths,
  };
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined));
}
