/** Which limits of a request the shared counts must know. */

import type { Limits } from "../../principal.ts";
import { hasBudget } from "../model_rules.ts";

/** The limits of a ledger, without its counts. */
interface Limited {
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
}

/** Whether there is any limit to check. */
export function hasLimit(limited: Limited): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests } = limited.limits;
  return (requestsPerMinute ?? tokensPerMinute ?? concurrentRequests) !== undefined || needsBalance(limited);
}

/** Whether a limit depends on what was used before the last minute, which the database knows. */
export function needsBalance({ limits, maxRequests }: Limited): boolean {
  return maxRequests !== undefined || hasBudget(limits);
}
