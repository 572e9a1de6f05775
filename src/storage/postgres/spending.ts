/** Spending in PostgreSQL, by the hour that it was booked in. Budgets start from it. */

import { KEY_PREFIXES } from "../../principal.ts";
import { SPENDING_KEPT_MS } from "../booking.ts";
import { DAY_MS } from "../rows/usage_sums.ts";
import type { Spending } from "../store.ts";
import type { Queries } from "./pool.ts";

/** Reads the spending of all managed tokens, projects, tokens of the configuration and rules for models. */
export async function readSpending(
  queries: Queries,
  { until, lastMs = SPENDING_KEPT_MS }: { until: number; lastMs?: number },
): Promise<Spending[]> {
  const { shared, token, project } = KEY_PREFIXES;
  const requestRows = await queries.all(
    `SELECT CASE token_id WHEN '' THEN '${shared}' || principal ELSE '${token}' || token_id END AS subject,
       sum(admitted) AS requests FROM usage_days GROUP BY 1
     UNION ALL
     SELECT '${project}' || project_id, sum(admitted) FROM usage_days WHERE project_id <> '' GROUP BY 1`,
  );
  const totalRows = await queries.all("SELECT subject, sum(micros) AS micros FROM spending GROUP BY 1");
  const hourRows = await queries.all(
    `SELECT start, subject, dated, micros FROM spending
     WHERE start >= least((SELECT max(start) FROM spending), $1) - $2 OR NOT dated`,
    [until, lastMs],
  );
  const requests = new Map(requestRows.map((row) => [String(row["subject"]), Number(row["requests"])]));
  const totals = new Map(totalRows.map((row) => [String(row["subject"]), Number(row["micros"])]));
  const hours = Map.groupBy(hourRows, (row) => String(row["subject"]));
  return [...new Set([...requests.keys(), ...totals.keys()])].map((key) => ({
    key,
    requests: requests.get(key) ?? 0,
    totalMicros: totals.get(key) ?? 0,
    hours: (hours.get(key) ?? []).map((row) => ({
      start: Number(row["start"]),
      micros: Number(row["micros"]),
      isDated: row["dated"] === true,
    })),
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
