/** Which limits of a request the shared counts have to check. */

import type { Limits } from "../../principal.ts";
import { hasBudget } from "../model_rules.ts";

/** The limits of a ledger, without its counts. */
interface Limited {
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
}

/** Whether a ledger has any limit to check. */
export function hasLimit(limited: Limited): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests } = limited.limits;
  return (requestsPerMinute ?? tokensPerMinute ?? concurrentRequests) !== undefined || needsBalance(limited);
}

/** Whether a limit counts more than the last minute. Only the database has such counts after a restart. */
export function needsBalance({ limits, maxRequests }: Limited): boolean {
  return maxRequests !== undefined || hasBudget(limits);
}
