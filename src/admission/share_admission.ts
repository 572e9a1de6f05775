import type { Account } from "../accounting/account.ts";
import type { RequestAdmission } from "../accounting/account_admission.ts";

/**
 * Counts an admitted request for the limits that several replicas or threads share. Returns `undefined` if it
 * has no such limit. Rejects with `rate_limited`, `budget_exceeded` or `overloaded`, and the request then
 * counts for no limit. `method` is the method of the request.
 */
export function shareAdmission(
  admission: Pick<RequestAdmission, "share">,
  account: Pick<Account, "setAdmission" | "taken">,
  method: string,
): Promise<void> | undefined {
  return admission.share(() => account.taken(method))?.catch((error) => {
    account.setAdmission(undefined);
    throw error;
  });
}
