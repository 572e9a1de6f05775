/** Limits for certain models: finds the limits that a request counts for. */

import { ProxyFault } from "../faults.ts";
import type { Limits, ModelLimits, Principal, Rules, Subject } from "../principal.ts";
import { isOpaqueModel, modelSpellings } from "../text/model_spellings.ts";
import { matchesModel } from "./allowed.ts";

/** Whether a rule limits certain models, so that the proxy must know the models of each request. */
export function limitsModels({ subjects }: Principal): boolean {
  return subjects.some(hasModelLimits);
}

function hasModelLimits({ rules: { modelLimits } }: Subject): boolean {
  return modelLimits !== undefined && modelLimits.length > 0;
}

/** Whether some limits of a subject pass a test: those for all requests, or those for certain models. */
export function someLimits(rules: Rules, test: (limits: Limits) => boolean): boolean {
  return test(rules) || rules.modelLimits !== undefined && rules.modelLimits.some(test);
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
  const patterns = limits.map((limit) => [limit.model.toLowerCase()]);
  for (const model of new Set(models)) {
    const spellings = modelSpellings(model).map((name) => name.toLowerCase());
    const first = limits.find((_, index) =>
      spellings.some((name) => matchesModel(patterns[index] ?? [], name))
    );
    if (first !== undefined) found.add(first);
  }
  return [...found];
}

/**
 * Throws `forbidden` if there are limits for certain models, and a request with a body names no model, or
 * names a resource that may be any model.
 */
export function checkModelIsKnown(
  { subjects }: Principal,
  { models, hasBody }: { models: readonly string[]; hasBody: boolean },
): void {
  const limited = subjects.filter(({ rules }) => (rules.modelLimits?.length ?? 0) > 0);
  const [first] = limited;
  if (first === undefined || !hasBody) return;
  if (models.every((name) => name === "")) {
    throw new ProxyFault(
      "forbidden",
      `This ${first.what} has limits for certain models, and the request names no model.`,
    );
  }
  for (const { what, rules: { modelLimits = [] } } of limited) {
    const unknown = models.find((name) =>
      isOpaqueModel(name) && limitsOfModels(modelLimits, [name]).length === 0
    );
    if (unknown === undefined) continue;
    throw new ProxyFault(
      "forbidden",
      `This ${what} has limits for certain models, and ${
        JSON.stringify(unknown)
      } may be any model. Name the model, ` +
        "or set a limit for this name.",
    );
  }
}
