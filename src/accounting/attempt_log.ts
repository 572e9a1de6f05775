import type { ExchangeRecord } from "../exchange.ts";
import type { ExchangeRow } from "../storage/store.ts";

/** Each attempt of an exchange, with what went wrong in it; nothing is to be reported of a single one that went well. */
export function attemptLogOf({ attempts, detail }: ExchangeRecord): ExchangeRow["attemptLog"] {
  if (attempts.length < 2 && detail === undefined) return undefined;
  return attempts.map((attempt, index) => index === attempts.length - 1 ? { ...attempt, detail } : attempt);
}
