/** Limits for certain models: finds the limits that a request counts for. */

import { ProxyFault } from "../faults.ts";
import type { Limits, ModelLimits, Principal, Rules } from "../principal.ts";
import { matchesModel } from "./allowed.ts";

/** Whether a rule limits certain models, so that the proxy must know the models of each request. */
export function limitsModels({ subjects }: Principal): boolean {
  return subjects.some(({ rules }) => rules.modelLimits !== undefined && rules.modelLimits.length > 0);
}

/** All limits of a subject: for all requests, and for certain models. */
export function allLimits(rules: Rules): readonly Limits[] {
  return [rules, ...rules.modelLimits ?? []];
}

/** Whether limits include a budget. */
export function hasBudget(
  { dayBudgetMicros, weekBudgetMicros, monthBudgetMicros, totalBudgetMicros }: Limits,
): boolean {
  return (dayBudgetMicros ?? weekBudgetMicros ?? monthBudgetMicros ?? totalBudgetMicros) !== undefined;
}

/**
 * The key of the counts of a limit for models. The key of a subject has no space, so the two cannot collide.
 */
export function modelRuleKey(subjectKey: string, model: string): string {
  return `${subjectKey} ${model}`;
}

/**
 * The limits that a request for these models counts for: for each model the first limit that matches, each
 * limit once.
 */
export function limitsOfModels(
  limits: readonly ModelLimits[],
  models: readonly string[],
): readonly ModelLimits[] {
  const found = new Set<ModelLimits>();
  for (const model of models) {
    const spellings = spellingsOf(model);
    const first = limits.find((limit) => {
      const pattern = limit.model.toLowerCase();
      return spellings.some((name) => matchesModel([pattern], name));
    });
    if (first !== undefined) found.add(first);
  }
  return [...found];
}

/**
 * The spellings of a model that servers accept as the same model. A limit must match all of them. A list of
 * allowed models may match fewer.
 */
function spellingsOf(model: string): string[] {
  // deno-lint-ignore no-control-regex -- some servers skip control characters
  const plain = model.toLowerCase().replaceAll(/[\s\x00-\x1f\x7f\ufeff]+/g, "");
  return [plain, plain.slice(plain.lastIndexOf("/") + 1)];
}

/** Throws `forbidden` if there are limits for certain models, and a request with a body names no model. */
export function checkModelIsKnown(
  { subjects }: Principal,
  { models, hasBody }: { models: readonly string[]; hasBody: boolean },
): void {
  const limited = subjects.find(({ rules }) => (rules.modelLimits?.length ?? 0) > 0);
  if (limited === undefined || !hasBody || models.some((name) => name !== "")) return;
  throw new ProxyFault(
    "forbidden",
    `This ${limited.what} has limits for certain models, and the request names no model.`,
  );
}
