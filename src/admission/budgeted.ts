/** Rejects requests under a budget whose cost cannot be known. */

import { type Dialect, DIALECTS } from "../apis/dialects.ts";
import { ProxyFault } from "../faults.ts";
import type { Principal, Subject } from "../principal.ts";
import type { PathCost } from "./known_cost.ts";
import { hasBudget, someLimits } from "../limits/model_rules.ts";

function subjectWithBudget({ subjects }: Principal): Subject | undefined {
  return subjects.find(isBudgeted);
}

function isBudgeted({ rules }: Subject): boolean {
  return someLimits(rules, hasBudget);
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
 * Throws `forbidden` for a principal with a budget if no response states the cost of the request. Such
 * requests are batches, fine-tuning, videos and sessions that bypass the proxy.
 */
export function checkCostIsKnown(
  principal: Principal,
  { cost, webSocketDialect }: {
    cost: PathCost;
    /** The dialect of the endpoint if the client requests a WebSocket. `false` if it does not. */
    webSocketDialect: Dialect | false;
  },
): void {
  if (!hasAnyBudget(principal)) return;
  if (webSocketDialect !== false) {
    // Other WebSockets name their model in later messages, or report their usage in a form that the proxy
    // cannot read.
    if (DIALECTS[webSocketDialect].hasReadableRealtime === true && cost === "metered") return;
    rejectIfBudgeted(principal, "the only WebSocket with a known cost is a new session of /realtime");
  } else if (cost === "unknown") {
    rejectIfBudgeted(principal, "the cost of this path is unknown");
  }
}

/** Throws `forbidden` if the principal has a budget, for a request that names no model. */
export function checkModelIsNamed(principal: Principal): void {
  rejectIfBudgeted(principal, "the request names no model, so its cost cannot be known in advance");
}

/**
 * Throws `forbidden` if the principal has a budget and `model` is not `undefined`. `model` is the name of a
 * model without a price. `undefined` means that all models of the request have prices.
 */
export function checkPriceIsKnown(principal: Principal, model: string | undefined, endpoint: string): void {
  const subject = subjectWithBudget(principal);
  if (model === undefined || subject === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget, and the model ${
      JSON.stringify(model)
    } has no price at ${endpoint}, so its ` +
      `cost cannot be known. Set a price (endpoints.${endpoint}.prices) or the provider whose prices apply ` +
      `(endpoints.${endpoint}.price_provider, "local" if it costs nothing), get newer prices ` +
      "(llm-proxy prices update), or use a token without a budget.",
  );
}

/**
 * Throws `forbidden` if the principal has a budget and `unpriced` is not `undefined`. `unpriced` is a tool of
 * the provider whose price the proxy does not know. `undefined` means that all tools of the request have
 * prices.
 */
export function checkToolPriceIsKnown(
  principal: Principal,
  unpriced: { readonly tool: string; readonly model: string } | undefined,
  endpoint: string,
): void {
  const subject = subjectWithBudget(principal);
  if (unpriced === undefined || subject === undefined) return;
  const { tool, model } = unpriced;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget, and the provider runs ${
      JSON.stringify(tool)
    }, which has no price with the ` +
      `model ${
        JSON.stringify(model)
      } at ${endpoint}, so its cost cannot be known. Leave the tool out, set a price of ` +
      `searches (endpoints.${endpoint}.prices), or use a token without a budget.`,
  );
}
