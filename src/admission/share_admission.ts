import type { Account } from "../accounting/account.ts";
import type { Admission } from "../limits/admission.ts";

/**
 * Counts an admitted request for the limits that several replicas share. Returns `undefined` if it has no such limit. Rejects
 * with `rate_limited`, `budget_exceeded` or `overloaded`, and the request then counts for no limit.
 */
export function shareAdmission(
  admission: Pick<Admission, "share">,
  account: Pick<Account, "setAdmission">,
): Promise<void> | undefined {
  return admission.share()?.catch((error) => {
    account.setAdmission(undefined);
    throw error;
  });
}
