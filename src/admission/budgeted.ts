/** Rejects requests under a budget whose cost cannot be known. */

import { ProxyFault } from "../faults.ts";
import type { Principal, Subject } from "../principal.ts";
import { PATH_FIELDS } from "../limits/allowed.ts";
import type { PathCost } from "./known_cost.ts";
import { allLimits, hasBudget } from "../limits/model_rules.ts";

/** Headers, in lower case, that make some upstreams use another method than the method of the request. */
const METHOD_FIELDS: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
]);

function subjectWithBudget({ subjects }: Principal): Subject | undefined {
  return subjects.find(({ rules }) => allLimits(rules).some(hasBudget));
}

/** Whether a rule of the principal limits money. */
export function hasAnyBudget(principal: Principal): boolean {
  return subjectWithBudget(principal) !== undefined;
}

function rejectIfBudgeted(principal: Principal, why: string): void {
  const subject = subjectWithBudget(principal);
  if (subject === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget, and ${why}: use a token without a budget.`,
  );
}

/**
 * Throws `forbidden` for a principal with a budget if no response states the cost of the request, as for
 * batches, fine-tuning, videos and sessions that bypass the proxy.
 */
export function checkCostIsKnown(
  principal: Principal,
  { cost, fields, upgrade }: {
    cost: PathCost;
    fields: readonly { readonly lower: string }[];
    /** The dialect of the endpoint if the client requests a WebSocket. */
    upgrade: string | false;
  },
): void {
  if (!hasAnyBudget(principal)) return;
  const other = fields.find(({ lower }) => PATH_FIELDS.has(lower) || METHOD_FIELDS.has(lower));
  if (other !== undefined) {
    rejectIfBudgeted(principal, `the header ${other.lower} names another path or method`);
  }
  if (upgrade !== false) {
    // Other WebSockets choose their model in later messages, or report their usage in a form that the proxy
    // cannot read.
    if (upgrade === "openai" && cost === "metered") return;
    rejectIfBudgeted(principal, "the only WebSocket with a known cost is /realtime");
  } else if (cost === "unknown") {
    rejectIfBudgeted(principal, "the cost of this path is unknown");
  }
}

/** Throws `forbidden` if the principal has a budget, for a request that names no model. */
export function checkModelIsNamed(principal: Principal): void {
  rejectIfBudgeted(principal, "the request names no model, so its cost cannot be known in advance");
}

/**
 * Throws `forbidden` if the principal has a budget and `model` is defined, the name of a model without a
 * price.
 */
export function checkPriceIsKnown(principal: Principal, model: string | undefined, endpoint: string): void {
  const subject = subjectWithBudget(principal);
  if (model === undefined || subject === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget, and the model ${
      JSON.stringify(model)
    } has no price at ${endpoint}, so its ` +
      `cost cannot be known. Set a price (endpoints.${endpoint}.prices), get newer prices (llm-proxy prices update), ` +
      "or use a token without a budget.",
  );
}
