/** Sums of spending, before they are added to those of the database. */

import { subjectKeys } from "../../principal.ts";
import type { ExchangeRow } from "../store.ts";

const HOUR_MS = 3_600_000;
const NO_RULES: readonly string[] = [];

/** The sums of the costs of exchanges, by subject and booked hour. */
export function spendingOf(rows: Iterable<ExchangeRow>): Iterable<SpendingSum> {
  const sums = new Map<string, SpendingSum>();
  /** The sums of the row before, and what they depend on. Most rows have the same. */
  let last: Spender & { readonly sums: readonly SpendingSum[] } | undefined;
  for (const row of rows) {
    const { costMicros = 0, booking } = row;
    if (costMicros === 0) continue;
    const start = booking?.hour ?? row.startedAt - row.startedAt % HOUR_MS;
    const isDated = booking?.isDated !== false;
    const { tokenId, projectId, principal } = row;
    const modelRules = booking?.modelRules ?? NO_RULES;
    const spender = { start, isDated, tokenId, projectId, principal, modelRules };
    if (last === undefined || !isSame(last, spender)) {
      // Also subjects without a budget, because a later budget counts earlier spending.
      const subjects = [...subjectKeys(row), ...modelRules];
      last = { ...spender, sums: subjects.map((subject) => sumOf(sums, { start, subject, isDated })) };
    }
    for (const sum of last.sums) sum.micros += costMicros;
  }
  return sums.values();
}

/** The spending of a subject in an hour. */
export interface SpendingSum {
  readonly start: number;
  readonly subject: string;
  readonly isDated: boolean;
  micros: number;
}

/** What decides to which sums the cost of a row belongs. */
interface Spender {
  readonly start: number;
  readonly isDated: boolean;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly principal: string;
  readonly modelRules: readonly string[];
}

function isSame(one: Spender, other: Spender): boolean {
  return one.start === other.start && one.isDated === other.isDated && one.tokenId === other.tokenId &&
    one.projectId === other.projectId && one.principal === other.principal &&
    one.modelRules.length === 0 && other.modelRules.length === 0;
}

function sumOf(
  sums: Map<string, SpendingSum>,
  { start, subject, isDated }: { start: number; subject: string; isDated: boolean },
): SpendingSum {
  const key = `${start} ${isDated} ${subject}`;
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, sum = { start, subject, isDated, micros: 0 });
  return sum;
}
