/** Converts rules between the form of the API and the form of the database. */

import type { Spent } from "../../limits/limiter.ts";
import { modelRuleKey } from "../../limits/model_rules.ts";
import type { Limits, ModelLimits, Rules } from "../../principal.ts";
import type { ModelLimitsInput, RulesInput } from "./requests.ts";

type Draft = { -readonly [Key in keyof Rules]?: Rules[Key] | null | undefined };

/** Applies a change to rules. Omitted rules stay, null removes a rule (RFC 7396). */
export function mergedRules(before: Rules, input: RulesInput): Rules {
  const { limits, budget, max_requests, model_limits, allowed_endpoints, allowed_models, allowed_paths } =
    input;
  const cleared = null;
  const draft: Draft = {
    requestsPerMinute: limits === null ? cleared : limits?.requests_per_minute,
    tokensPerMinute: limits === null ? cleared : limits?.tokens_per_minute,
    concurrentRequests: limits === null ? cleared : limits?.concurrent_requests,
    maxRequests: max_requests,
    modelLimits: model_limits?.length === 0 ? cleared : model_limits?.map(modelLimitsOf) ?? model_limits,
    dayBudgetMicros: budget === null ? cleared : micros(budget?.day_usd),
    weekBudgetMicros: budget === null ? cleared : micros(budget?.week_usd),
    monthBudgetMicros: budget === null ? cleared : micros(budget?.month_usd),
    totalBudgetMicros: budget === null ? cleared : micros(budget?.total_usd),
    endpoints: allowed_endpoints,
    models: allowed_models,
    paths: allowed_paths,
  };
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  return Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== null));
}

/** Converts an entry of `model_limits`. A change replaces the whole list. */
function modelLimitsOf({ model, budget, ...limits }: ModelLimitsInput): ModelLimits {
  const rules = {
    requestsPerMinute: limits.requests_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    concurrentRequests: limits.concurrent_requests,
    dayBudgetMicros: micros(budget?.day_usd),
    weekBudgetMicros: micros(budget?.week_usd),
    monthBudgetMicros: micros(budget?.month_usd),
    totalBudgetMicros: micros(budget?.total_usd),
  };
  return { model, ...Object.fromEntries(Object.entries(rules).filter(([, value]) => value != null)) };
}

function micros(dollars: number | null | undefined): number | null | undefined {
  return typeof dollars === "number" ? Math.round(dollars * 1_000_000) : dollars;
}

/** Converts rules to the form of the API. `spentOf` returns the spent money of a subject by its key. */
export function shownRules(
  rules: Rules,
  { key, spentOf }: { key: string; spentOf: (key: string) => Spent | undefined },
) {
  return {
    limits: shownLimits(rules),
    max_requests: rules.maxRequests ?? null,
    budget: shownBudget(rules),
    spent: shownSpent(spentOf(key)),
    model_limits: (rules.modelLimits ?? []).map((limits) => ({
      model: limits.model,
      ...shownLimits(limits),
      budget: shownBudget(limits),
      spent: shownSpent(spentOf(modelRuleKey(key, limits.model))),
    })),
    allowed_endpoints: rules.endpoints ?? null,
    allowed_models: rules.models ?? null,
    allowed_paths: rules.paths ?? null,
  };
}

function shownLimits(limits: Limits) {
  return {
    requests_per_minute: limits.requestsPerMinute ?? null,
    tokens_per_minute: limits.tokensPerMinute ?? null,
    concurrent_requests: limits.concurrentRequests ?? null,
  };
}

function shownBudget(limits: Limits) {
  return {
    day_usd: dollars(limits.dayBudgetMicros),
    week_usd: dollars(limits.weekBudgetMicros),
    month_usd: dollars(limits.monthBudgetMicros),
    total_usd: dollars(limits.totalBudgetMicros),
  };
}

function shownSpent(spent: Spent | undefined) {
  return {
    day_micros: spent?.dayMicros ?? 0,
    week_micros: spent?.weekMicros ?? 0,
    month_micros: spent?.monthMicros ?? 0,
    total_micros: spent?.totalMicros ?? 0,
  };
}

function dollars(micros: number | undefined): number | null {
  return micros === undefined ? null : micros / 1_000_000;
}

/** Formats a time in milliseconds since 1970 as ISO 8601. */
export function moment(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Formats a time in milliseconds since 1970 as ISO 8601; null for an undefined time. */
export function momentOrNull(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : moment(epochMs);
}
