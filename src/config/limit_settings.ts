import type { Rules } from "../principal.ts";
import type { LimitSettings } from "./file_schema.ts";
import type { KeyPath } from "./problem.ts";
import type { Resolver } from "./resolver.ts";
import type { Section } from "./section.ts";
import { unknownEndpointText } from "./suggest.ts";

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

/** Reports names of endpoints that do not exist: a misspelt one would allow nothing. Patterns with `*` are left alone. */
export function checkLimitedEndpoints(
  resolver: Resolver,
  auth: Section<"auth"> | undefined,
  names: readonly string[],
): void {
  const check = (limits: LimitSettings | undefined, at: KeyPath): void => {
    for (const [index, name] of (limits?.endpoints ?? []).entries()) {
      if (name.includes("*") || names.includes(name)) continue;
      resolver.report([...at, "endpoints", index], unknownEndpointText(name, names));
    }
  };
  check(auth?.limits, ["auth", "limits"]);
  for (const [index, { limits }] of (auth?.tokens ?? []).entries()) {
    check(limits, ["auth", "tokens", index, "limits"]);
  }
}
