/** Spending in PostgreSQL, by the hour that it was booked in. Budgets start from it. */

import { KEY_PREFIXES } from "../../principal.ts";
import { SPENDING_KEPT_MS } from "../booking.ts";
import { DAY_MS } from "../rows/usage_sums.ts";
import { allParts } from "../rows/usage_parts.ts";
import { requestsStatement } from "../rows/usage_statements.ts";
import type { Spending } from "../store.ts";
import type { Queries } from "./pool.ts";
import { readSumState } from "./usage_queries.ts";

/** Reads the spending of all managed tokens, projects, tokens of the configuration and rules for models. */
export async function readSpending(
  queries: Queries,
  { until, lastMs = SPENDING_KEPT_MS }: { until: number; lastMs?: number },
): Promise<Spending[]> {
  const requestRows = await queries.all(
    requestsStatement(allParts(await readSumState(queries)), KEY_PREFIXES),
  );
  const totalRows = await queries.all("SELECT subject, sum(micros) AS micros FROM spending GROUP BY 1");
  // One row for each subject. A row for each hour costs four times as much.
  const hourRows = await queries.all(
    `SELECT subject, json_agg(json_build_array(start, micros, dated))::text AS hours FROM spending
     WHERE start >= least((SELECT max(start) FROM spending), $1) - $2 OR NOT dated GROUP BY 1`,
    [until, lastMs],
  );
  const requests = new Map(requestRows.map((row) => [String(row["subject"]), Number(row["requests"])]));
  const totals = new Map(totalRows.map((row) => [String(row["subject"]), Number(row["micros"])]));
  const hours = new Map<string, [start: number, micros: number, isDated: boolean][]>(
    hourRows.map((row) => [String(row["subject"]), JSON.parse(String(row["hours"]))]),
  );
  return [...new Set([...requests.keys(), ...totals.keys()])].map((key) => ({
    key,
    requests: requests.get(key) ?? 0,
    totalMicros: totals.get(key) ?? 0,
    hours: (hours.get(key) ?? []).map(([start, micros, isDated]) => ({ start, micros, isDated })),
  }));
}

/** Moves spending without a certain hour, and spending of later hours, to an hour. */
export async function dateSpending(queries: Queries, hour: number): Promise<void> {
  await queries.run(
    `WITH moved AS (DELETE FROM spending WHERE NOT dated OR start > $1 RETURNING subject, micros)
     INSERT INTO spending (start, subject, dated, micros)
     SELECT $1, subject, true, sum(micros) FROM moved GROUP BY subject ORDER BY subject
     ON CONFLICT (start, subject, dated) DO UPDATE SET micros = spending.micros + excluded.micros`,
    [hour],
  );
}

/** Rolls up spending from before a day from hours to days. */
export async function rollUpSpending(queries: Queries, day: number): Promise<void> {
  await queries.run(
    `WITH old AS (
       DELETE FROM spending WHERE start < $1 AND start % ${DAY_MS} <> 0 AND dated
       RETURNING start, subject, micros)
     INSERT INTO spending (start, subject, dated, micros)
     SELECT start - start % ${DAY_MS}, subject, true, sum(micros) FROM old GROUP BY 1, 2 ORDER BY 1, 2
     ON CONFLICT (start, subject, dated) DO UPDATE SET micros = spending.micros + excluded.micros`,
    [day],
  );
}
