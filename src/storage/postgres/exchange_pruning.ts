/** Deletes old exchanges, and rolls up old sums from hours to days. One program at a time does it. */

import { COSTS_PREFIX } from "../cost_notes.ts";
import { REFUSED_ACCESS } from "../audit_store.ts";
import { DAY_MS, KEY_COLUMNS, SUM_COLUMNS } from "../rows/usage_sums.ts";
import type { PruneLimits } from "../store.ts";
import { pruneAccessChanges } from "./access_changes.ts";
import { monthsIn, PARTITION_LOCK } from "./partitions.ts";
import type { PostgresPool, Queries } from "./pool.ts";
import { closeSums } from "./closing.ts";
import { rollUpSpending } from "./spending.ts";

/** The number of the advisory lock of pruning. */
const PRUNING_LOCK = 7_808_210_004;
/** The most exchanges that a transaction deletes. Other writes run between two of these transactions. */
const DELETED_AT_ONCE = 5_000;
/** How long a step may take, in milliseconds. */
const STEP_MS = 60_000;
/**
 * How long the drop of a month waits for readers. All others wait behind it, so the next hour tries again.
 */
const DROP_LOCK_MS = 2_000;

/** Deletes and rolls up: see `ExchangeStore.prune`. Gives the number of deleted exchanges. */
export async function prune(pool: PostgresPool, limits: PruneLimits): Promise<number> {
  let removed = await dropMonths(pool, limits.exchangesBefore);
  // The hourly work can be under way when the store closes. The next start completes it.
  for (let last = DELETED_AT_ONCE; last === DELETED_AT_ONCE && !pool.isClosed; removed += last) {
    last = await pool.transaction((queries) => deleteSome(queries, limits.exchangesBefore), STEP);
  }
  if (!pool.isClosed) await pool.transaction((queries) => rollUpSums(queries, limits), STEP);
  await closeSums(pool);
  return removed;
}

const STEP = { timeoutMs: STEP_MS };

/** Drops the partitions of months that ended before a moment. Gives the number of their exchanges. */
async function dropMonths(pool: PostgresPool, before: number): Promise<number> {
  const old = (await monthsIn(pool)).filter(({ to }) => to <= before);
  let removed = 0;
  for (const { table } of old) {
    if (pool.isClosed) break;
    removed += await pool.transaction(async (queries) => {
      // Another program can have dropped it meanwhile.
      const isThere = (await monthsIn(queries)).some((month) => month.table === table);
      if (!isThere) return 0;
      const row = await queries.get(`SELECT count(*) AS rows FROM ${table}`);
      await queries.run(`SET LOCAL lock_timeout = ${DROP_LOCK_MS}`);
      await queries.run(`DROP TABLE ${table}`);
      return Number(row?.["rows"] ?? 0);
    }, { ...STEP, begin: `SELECT pg_advisory_xact_lock(${PARTITION_LOCK})` });
  }
  return removed;
}

/**
 * Deletes some of the exchanges from before a moment. Gives their number; 0 while another program does it.
 */
async function deleteSome(queries: Queries, before: number): Promise<number> {
  if (!await isOurs(queries)) return 0;
  return await queries.run(
    `DELETE FROM exchanges WHERE started_at < $1 AND seq IN (
       SELECT seq FROM exchanges WHERE started_at < $1 ORDER BY started_at LIMIT $2)`,
    [before, DELETED_AT_ONCE],
  );
}

async function isOurs(queries: Queries): Promise<boolean> {
  const row = await queries.get("SELECT pg_try_advisory_xact_lock($1) AS ours", [PRUNING_LOCK]);
  return row?.["ours"] === true;
}

/** Rolls up sums and spending of old hours to days, and deletes audit entries of rejected attempts. */
async function rollUpSums(
  queries: Queries,
  { exchangesBefore, hoursBefore, spendingBefore = hoursBefore }: PruneLimits,
): Promise<void> {
  if (!await isOurs(queries)) return;
  await pruneAccessChanges(queries);
  await queries.run("DELETE FROM audit WHERE action = $1 AND at < $2", [REFUSED_ACCESS, exchangesBefore]);
  await queries.run(
    "DELETE FROM notes WHERE starts_with(name, $1) AND split_part(value, ' ', 1)::bigint < $2",
    [COSTS_PREFIX, hoursBefore],
  );
  const day = hoursBefore - hoursBefore % DAY_MS;
  const others = KEY_COLUMNS.slice(1);
  // In the order in which exchanges are added to these tables.
  await rollUpSpending(queries, spendingBefore);
  await rollUp(queries, { table: "usage", keys: others, sums: SUM_COLUMNS, day });
  await rollUp(queries, { table: "first_bytes", keys: [...others, "bucket"], sums: ["requests"], day });
  await rollUp(queries, { table: "first_bytes_total", keys: ["bucket"], sums: ["requests"], day });
  // The next closing makes their sums by the hour again.
  await queries.run(
    `DELETE FROM closed_sums WHERE until - start = ${DAY_MS} AND start IN (
       SELECT start - start % ${DAY_MS} FROM usage_by_hour
       WHERE dimension = '' AND start < $1 AND start % ${DAY_MS} <> 0)`,
    [day],
  );
}

async function rollUp(
  queries: Queries,
  { table, keys, sums, day }: {
    table: string;
    keys: readonly string[];
    sums: readonly string[];
    day: number;
  },
): Promise<void> {
  const names = [...keys, ...sums].join(", ");
  const groups = ["1", ...keys].join(", ");
  // One statement, so that what is added meanwhile is neither lost nor counted twice.
  await queries.run(
    `WITH old AS (DELETE FROM ${table} WHERE start < $1 AND start % ${DAY_MS} <> 0 RETURNING start, ${names})
     INSERT INTO ${table} (start, ${names})
     SELECT start - start % ${DAY_MS}, ${keys.join(", ")}, ${sums.map((sum) => `sum(${sum})`).join(", ")}
     FROM old GROUP BY ${groups} ORDER BY ${groups}
     ON CONFLICT (start, ${keys.join(", ")}) DO UPDATE SET ${
      sums.map((sum) => `${sum} = ${table}.${sum} + excluded.${sum}`).join(", ")
    }`,
    [day],
  );
}
