import { hasBudget } from "../model_rules.ts";
import type { LimitedLedger } from "./shared_limits.ts";

/** Whether a limit depends on what was used before the last minute, which the database knows. */
export function needsBalance({ limits, maxRequests }: Omit<LimitedLedger, "key">): boolean {
  return maxRequests !== undefined || hasBudget(limits);
}
