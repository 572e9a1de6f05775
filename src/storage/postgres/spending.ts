/** Spending in PostgreSQL, by the hour that it was booked in. Budgets start from it. */

import { KEY_PREFIXES } from "../../principal.ts";
import { SPENDING_KEPT_MS, SPENDING_ROLLED_MS } from "../booking.ts";
import { ofSubjects, spendingRows, spendingStatement } from "../rows/spending_rows.ts";
import { DAY_MS } from "../rows/usage_sums.ts";
import { allParts, monthOf } from "../rows/usage_parts.ts";
import { requestsStatement } from "../rows/usage_statements.ts";
import type { Spending, SpendingQuery } from "../store.ts";
import type { Queries } from "./pool.ts";
import { DIALECT } from "./dialect.ts";
import { storedJson } from "./stored_text.ts";
import { readSumState } from "./usage_queries.ts";

/** Reads the spending of managed tokens, projects, tokens of the configuration and rules for models. */
export async function readSpending(
  queries: Queries,
  { until, lastMs = SPENDING_KEPT_MS, keys }: SpendingQuery,
): Promise<Spending[]> {
  const latest = await queries.get("SELECT max(start) AS latest FROM spending");
  const from = Math.min(Number(latest?.["latest"] ?? until), until) - lastMs;
  const subjects = keys && DIALECT.list(DIALECT.placeholder(1));
  const values = keys === undefined ? [] : [storedJson([...keys])];
  const requests = requestsStatement(allParts(await readSumState(queries)), KEY_PREFIXES);
  return spendingRows(
    await queries.all(spendingStatement(from, DIALECT, subjects), values),
    await queries.all(ofSubjects(requests, subjects), values),
  );
}

/**
 * Moves spending without a certain hour, and spending of later hours, to an hour. Call it within a
 * transaction.
 */
export async function dateSpending(queries: Queries, hour: number): Promise<void> {
  // Others add to these rows in the order of their hours, which this cannot keep. So they wait for it.
  await queries.run("LOCK TABLE spending IN SHARE ROW EXCLUSIVE MODE");
  await queries.run(
    `WITH moved AS (DELETE FROM spending WHERE NOT dated OR start > $1 RETURNING subject, micros)
     INSERT INTO spending (start, subject, dated, micros)
     SELECT $1, subject, true, sum(micros) FROM moved GROUP BY subject ORDER BY subject
     ON CONFLICT (start, subject, dated) DO UPDATE SET micros = spending.micros + excluded.micros`,
    [hour],
  );
}

/**
 * Rolls up spending from before a moment: from hours to days, and from whole months to months. No period of a
 * budget is longer than a month. Much spending is rolled up in several calls, the oldest first.
 */
export async function rollUpSpending(queries: Queries, before: number): Promise<void> {
  const month =
    "(extract(epoch FROM date_trunc('month', to_timestamp(start / 1000) AT TIME ZONE 'UTC')) * 1000)::bigint";
  const rolled = `CASE WHEN start < $2 THEN ${month} ELSE start - start % ${DAY_MS} END`;
  const old = `start < $1 AND dated AND start <> ${rolled}`;
  await queries.run(
    `WITH first AS (SELECT min(start) AS start FROM spending WHERE ${old}),
     old AS (
       DELETE FROM spending WHERE ${old} AND start < (SELECT start FROM first) + ${SPENDING_ROLLED_MS}
       RETURNING ${rolled} AS start, subject, micros)
     INSERT INTO spending (start, subject, dated, micros)
     SELECT start, subject, true, sum(micros) FROM old GROUP BY 1, 2 ORDER BY 1, 2
     ON CONFLICT (start, subject, dated) DO UPDATE SET micros = spending.micros + excluded.micros`,
    [before - before % DAY_MS, monthOf(before).from],
  );
}
