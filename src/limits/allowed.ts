/** Which endpoints and models a principal may use. */

import { ProxyFault } from "../faults.ts";
import { matchesAny } from "../glob.ts";
import type { Principal } from "../principal.ts";

/** Throws `forbidden` where a rule names endpoints and this is none of them. */
export function checkEndpoint(principal: Principal, endpoint: string): void {
  for (const { what, rules } of principal.subjects) {
    if (rules.endpoints === undefined || matchesAny(rules.endpoints, endpoint)) continue;
    throw new ProxyFault(
      "forbidden",
      `This ${what} may not use the endpoint ${endpoint}; it may use ${shown(rules.endpoints)}.`,
    );
  }
}

/** Whether a rule names models, so that the request's own has to be known. */
export function restrictsModels(principal: Principal): boolean {
  return principal.subjects.some(({ rules }) => rules.models !== undefined);
}

/**
 * Throws `forbidden` where a rule names models and one of these is none of them. All that a request names have to be
 * allowed: where a body names two, readers differ on which one counts. One that has a body must name one.
 */
export function checkModels(
  principal: Principal,
  { models, hasBody }: { models: readonly string[]; hasBody: boolean },
): void {
  for (const { what, rules } of principal.subjects) {
    const { models: allowed } = rules;
    if (allowed === undefined) continue;
    const refused = models.find((model) => !matchesAny(allowed, model));
    if (refused !== undefined) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may not use the model ${JSON.stringify(refused)}; it may use ${shown(allowed)}.`,
      );
    }
    if (models.length === 0 && hasBody) {
      throw new ProxyFault(
        "forbidden",
        `This ${what} may use certain models only, and the request names none.`,
      );
    }
  }
}

function shown(patterns: readonly string[]): string {
  return patterns.length === 0 ? "none" : patterns.join(", ");
}
