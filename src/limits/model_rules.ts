/** Limits by model: which of them a request counts for. */

import { ProxyFault } from "../faults.ts";
import type { Limits, ModelLimits, Principal, Rules } from "../principal.ts";
import { matchesModel } from "./allowed.ts";

/** Whether a rule limits certain models, so that it has to be known which a request names. */
export function limitsModels({ subjects }: Principal): boolean {
  return subjects.some(({ rules }) => rules.modelLimits !== undefined && rules.modelLimits.length > 0);
}

/** The limits of rules, those of models included. */
export function allLimits(rules: Rules): readonly Limits[] {
  return [rules, ...rules.modelLimits ?? []];
}

/** Whether limits hold for money. */
export function hasBudget(
  { dayBudgetMicros, weekBudgetMicros, monthBudgetMicros, totalBudgetMicros }: Limits,
): boolean {
  return (dayBudgetMicros ?? weekBudgetMicros ?? monthBudgetMicros ?? totalBudgetMicros) !== undefined;
}

/** Under which the counts of a rule for models are kept: a subject's key has no space. */
export function modelRuleKey(subjectKey: string, model: string): string {
  return `${subjectKey} ${model}`;
}

/** The limits that requests for these models count for: of each model the first that fits, each limit once. */
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
 * A model by the spellings that servers take for the same one: a limit has to fit all of them, where a list of allowed
 * models may fit too few.
 */
function spellingsOf(model: string): string[] {
  // deno-lint-ignore no-control-regex -- some servers pass over control characters
  const plain = model.toLowerCase().replaceAll(/[\s\x00-\x1f\x7f\ufeff]+/g, "");
  return [plain, plain.slice(plain.lastIndexOf("/") + 1)];
}

/** Throws `forbidden` where limits hold for certain models, and a request that may cost something names none. */
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
