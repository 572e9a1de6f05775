import type { Limits, Rules } from "../../principal.ts";
import type { LimitSettings, ModelLimitSettings } from "../sources/file_schema.ts";
import type { KeyPath } from "../problem.ts";
import type { Resolver } from "./resolver.ts";
import type { Section } from "./section.ts";
import { unknownEndpointText } from "../values/suggest.ts";

/** Converts the limits of a token in the file. Returns undefined if the token has no limits. */
export function rulesOf(limits: LimitSettings | undefined): Rules | undefined {
  if (limits === undefined) return undefined;
  const modelLimits = limits.model_limits?.flatMap(({ model, ...rest }) =>
    // A limit without a model is reported by checkModelLimits.
    model === undefined ? [] : [{ model, ...limitsOf(rest) }]
  );
  return withoutUndefined<Rules>({
    ...limitsOf(limits),
    maxRequests: limits.max_requests,
    modelLimits: modelLimits?.length === 0 ? undefined : modelLimits,
    endpoints: limits.endpoints,
    models: limits.models,
    paths: limits.paths,
  });
}

function limitsOf(limits: Omit<ModelLimitSettings, "model">): Limits {
  return withoutUndefined<Limits>({
    requestsPerMinute: limits.requests_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    concurrentRequests: limits.concurrent_requests,
    dayBudgetMicros: limits.budget_day_usd,
    weekBudgetMicros: limits.budget_week_usd,
    monthBudgetMicros: limits.budget_month_usd,
    totalBudgetMicros: limits.budget_total_usd,
  });
}

function withoutUndefined<Rules extends object>(
  rules: { readonly [Key in keyof Rules]: Rules[Key] | undefined },
): Rules {
  // Only members that may be undefined are removed, and those are optional in Rules.
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)) as Rules;
}

/** Reports limits of models that have no model, have no limit, or repeat a model. */
export function checkModelLimits(resolver: Resolver, auth: Section<"auth"> | undefined): void {
  const check = (limits: LimitSettings | undefined, at: KeyPath): void => {
    const seen = new Set<string>();
    for (const [index, { model, ...rest }] of (limits?.model_limits ?? []).entries()) {
      const place = [...at, "model_limits", index];
      if (model === undefined) {
        resolver.reportMissing([...place, "model"], "is missing: the name of the model to limit");
      } else if (seen.has(model)) {
        resolver.report([...place, "model"], `${JSON.stringify(model)} appears twice`);
      } else if (Object.keys(limitsOf(rest)).length === 0) resolver.report(place, "has no limit");
      if (model !== undefined) seen.add(model);
    }
  };
  check(auth?.limits, ["auth", "limits"]);
  for (const [index, { limits }] of (auth?.tokens ?? []).entries()) {
    check(limits, ["auth", "tokens", index, "limits"]);
  }
  for (const [index, { limits }] of (auth?.jwt ?? []).entries()) {
    check(limits, ["auth", "jwt", index, "limits"]);
  }
}

/**
 * Reports endpoints in limits that do not exist, because a misspelled name allows nothing. Patterns are not
 * checked.
 */
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
  for (const [index, { limits }] of (auth?.jwt ?? []).entries()) {
    check(limits, ["auth", "jwt", index, "limits"]);
  }
}
