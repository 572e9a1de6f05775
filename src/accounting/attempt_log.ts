import type { ExchangeRecord } from "../exchange_record.ts";
import type { ExchangeRow } from "../storage/store.ts";

/**
 * Returns the attempts of an exchange and their errors. `undefined` if there was one attempt, and no error.
 */
export function attemptLogOf({ attempts, detail }: ExchangeRecord): ExchangeRow["attemptLog"] {
  if (attempts.length < 2 && detail === undefined) return undefined;
  return attempts.map((attempt, index) => index === attempts.length - 1 ? { ...attempt, detail } : attempt);
}
