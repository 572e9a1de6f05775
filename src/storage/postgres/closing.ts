/** Makes the sums of past days and months: see `closed_sums.ts`. Several programs can do it at once. */

import { closablePeriods, closingStatements } from "../rows/closed_sums.ts";
import { type ClosedSpan, EDITION } from "../rows/usage_parts.ts";
import { DAY_MS } from "../rows/usage_sums.ts";
import { DIALECT } from "./dialect.ts";
import { CLOSING_LOCK } from "./migrations.ts";
import type { PostgresPool } from "./pool.ts";
import { readSumState } from "./usage_queries.ts";

/** How long the sums of a period may take, in milliseconds. */
const PERIOD_MS = 600_000;
/** The memory for each sort and table of hashes. The default would sort the rows of a month on disk. */
const WORK_MEMORY = "64MB";
/** How long the barrier waits for writers. Other writers wait behind it, so the next hour tries again. */
const BARRIER_MS = 2_000;

/** Makes the sums of the days and months that can be closed, each in a transaction. */
export async function closeSums(pool: PostgresPool): Promise<void> {
  if (pool.isClosed) return;
  const periods = closablePeriods({ ...await readSumState(pool), now: Date.now() });
  if (periods.length === 0) return;
  const run = crypto.randomUUID();
  // Those that another version of the program has closed stay so, with the sums that they have.
  const open = periods.filter(({ edition }) => edition === 0);
  await pool.run(
    `INSERT INTO closed_sums (start, until, run, complete)
     SELECT start, until, $2, false FROM json_to_recordset($1) AS spans (start bigint, until bigint)
     ORDER BY start, until
     ON CONFLICT (start, until) DO UPDATE SET run = excluded.run WHERE NOT closed_sums.complete`,
    [JSON.stringify(open.map(({ from, to }) => ({ start: from, until: to }))), run],
  );
  // From here on, each transaction that adds to a period sees the row, and removes it. This waits for those
  // that began before.
  await pool.transaction(
    (queries) => queries.run("LOCK TABLE usage_days IN SHARE MODE"),
    { begin: `SET LOCAL lock_timeout = ${BARRIER_MS}`, timeoutMs: PERIOD_MS },
  );
  const days = await closeEmptyDays(pool, run);
  for (const period of periods) {
    if (pool.isClosed) return;
    const isEmpty = period.edition === 0 && period.to - period.from === DAY_MS && !days.has(period.from);
    if (!isEmpty && !await closePeriod(pool, period, run)) return;
  }
}

/** Closes the days of a run without usage, which have no sums. Gives the other days with usage. */
async function closeEmptyDays(pool: PostgresPool, run: string): Promise<Set<number>> {
  const rows = await pool.all(
    `SELECT start FROM closed_sums WHERE run = $1 AND until - start = ${DAY_MS}
       AND EXISTS (SELECT 1 FROM usage_days WHERE usage_days.start = closed_sums.start)`,
    [run],
  );
  const days = rows.map((row) => Number(row["start"]));
  await pool.run(
    `UPDATE closed_sums SET complete = true, edition = ${EDITION}
     WHERE run = $1 AND until - start = ${DAY_MS} AND NOT start = ANY($2)`,
    [run, days],
  );
  return new Set(days);
}

/**
 * Makes the sums of a day or month. Resolves with `false` while another program makes some. If an exchange
 * was added to the period meanwhile, the row of the period is gone, and the next hour makes the sums again.
 * `run` is the run that the row must be of: a row of another run can be younger than the barrier. A period
 * that lacks sums keeps its run, whose program had a barrier too.
 */
async function closePeriod(pool: PostgresPool, span: ClosedSpan, run: string): Promise<boolean> {
  return await pool.transaction(async (queries) => {
    const lock = await queries.get("SELECT pg_try_advisory_xact_lock($1) AS ours", [CLOSING_LOCK]);
    if (lock?.["ours"] !== true) return false;
    const row = await queries.get(
      "SELECT run FROM closed_sums WHERE start = $1 AND until = $2 AND complete = $3 AND edition < $4",
      [span.from, span.to, span.edition > 0, EDITION],
    );
    const ours = row?.["run"];
    if (ours === undefined || span.edition === 0 && ours !== run) return true;
    // All statements in one round trip.
    await queries.run(closingStatements(span, DIALECT).join(";\n"));
    await queries.run(
      `UPDATE closed_sums SET complete = true, edition = $4 WHERE start = $1 AND until = $2 AND run = $3`,
      [span.from, span.to, ours, EDITION],
    );
    return true;
  }, { begin: `SET LOCAL work_mem = '${WORK_MEMORY}'`, timeoutMs: PERIOD_MS });
}
