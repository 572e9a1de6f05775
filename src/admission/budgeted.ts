/** What a budget asks of a request besides money: that its cost can be known. */

import { ProxyFault } from "../faults.ts";
import type { Principal, Subject } from "../principal.ts";
import { PATH_FIELDS } from "../limits/allowed.ts";
import { costOfPath } from "./known_cost.ts";
import type { ProviderOf } from "./providers.ts";
import { allLimits, hasBudget } from "../limits/model_rules.ts";

/** Fields by which some upstreams take another method than that of the request. */
const METHOD_FIELDS: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
]);

function subjectWithBudget({ subjects }: Principal): Subject | undefined {
  return subjects.find(({ rules }) => allLimits(rules).some(hasBudget));
}

function refuse(principal: Principal, why: string): void {
  const subject = subjectWithBudget(principal);
  if (subject === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget, and ${why}: use a token without one.`,
  );
}

/**
 * Throws `forbidden` where a budget would have to hold for work whose cost no answer tells, such as batches,
 * fine-tuning, videos and sessions that go past the proxy.
 */
export function checkCostIsKnown(
  principal: Principal,
  { method, path, endpoint, fields, upgrade }: {
    method: string;
    path: string;
    endpoint: ProviderOf;
    fields: readonly { readonly lower: string }[];
    /** Of a WebSocket the endpoint's dialect. */
    upgrade: string | false;
  },
): void {
  const other = fields.find(({ lower }) => PATH_FIELDS.has(lower) || METHOD_FIELDS.has(lower));
  if (other !== undefined) {
    refuse(principal, `the header ${other.lower} names another path or method than the request's`);
  }
  if (upgrade !== false) {
    // Others choose their model in what is said later, or tell their usage in words that nobody reads here.
    if (upgrade === "openai" && /\/realtime\/?$/i.test(path)) return;
    refuse(principal, "of WebSockets only /realtime tells the proxy what it costs");
  } else if (costOfPath({ method, path, endpoint }) === "unknown") {
    refuse(principal, "what this path costs is not told to the proxy");
  }
}

/** Throws `forbidden` where a budget would have to hold for a request that names no model. */
export function checkModelIsNamed(principal: Principal): void {
  refuse(principal, "the request names no model, so that its cost cannot be known before it is sent");
}

/** Throws `forbidden` where a budget would have to hold for a model without a price. */
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
