/** Deletes old exchanges, and rolls up old sums from hours to days. */

import { REFUSED_ACCESS } from "../audit_store.ts";
import type { PruneLimits } from "../store.ts";
import { COSTS_PREFIX } from "../cost_notes.ts";
import type { Connection } from "./connection.ts";
import { DAY_MS, KEY_COLUMNS, SUM_COLUMNS } from "../rows/usage_sums.ts";
import { closablePeriods, closingStatements } from "../rows/closed_sums.ts";
import { type ClosedSpan, EDITION } from "../rows/usage_parts.ts";
import { rollUpSpending } from "./spending.ts";
import { DIALECT } from "./dialect.ts";
import { readSumState } from "./usage_queries.ts";

/** Deletes up to `count` exchanges from before a moment. Gives their number. */
export function deleteExchanges(
  database: Connection,
  { before, count }: { before: number; count: number },
): number {
  const oldest = "SELECT seq FROM exchanges WHERE started_at < ? LIMIT ?";
  return database.run(`DELETE FROM exchanges WHERE seq IN (${oldest})`, before, count).changes;
}

/**
 * Rolls up sums from before `hoursBefore` to days, rolls up old spending, and deletes audit entries of
 * rejected attempts from before `exchangesBefore`. Call it within a transaction.
 */
export function rollUpSums(
  database: Connection,
  { exchangesBefore, hoursBefore, spendingBefore = hoursBefore }: PruneLimits,
): void {
  database.run("DELETE FROM audit WHERE action = ? AND at < ?", REFUSED_ACCESS, exchangesBefore);
  database.run(
    "DELETE FROM notes WHERE substr(name, 1, ?) = ? AND CAST(value AS INTEGER) < ?",
    COSTS_PREFIX.length,
    COSTS_PREFIX,
    hoursBefore,
  );
  const day = hoursBefore - hoursBefore % DAY_MS;
  const hours = `start < ? AND start % ${DAY_MS} <> 0`;
  const others = KEY_COLUMNS.slice(1).join(", ");
  database.run(
    `INSERT INTO usage (${[...KEY_COLUMNS, ...SUM_COLUMNS].join(", ")})
     SELECT start - start % ${DAY_MS} AS start, ${others},
       ${SUM_COLUMNS.map((column) => `sum(${column})`).join(", ")}
     FROM usage WHERE ${hours} GROUP BY start - start % ${DAY_MS}, ${others}
     ON CONFLICT DO UPDATE SET ${
      SUM_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ")
    }`,
    day,
  );
  database.run(`DELETE FROM usage WHERE ${hours}`, day);
  database.run(
    `INSERT INTO first_bytes (${KEY_COLUMNS.join(", ")}, bucket, requests)
     SELECT start - start % ${DAY_MS} AS start, ${others}, bucket, sum(requests)
     FROM first_bytes WHERE ${hours} GROUP BY start - start % ${DAY_MS}, ${others}, bucket
     ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`,
    day,
  );
  database.run(`DELETE FROM first_bytes WHERE ${hours}`, day);
  database.run(
    `INSERT INTO first_bytes_total (start, bucket, requests)
     SELECT start - start % ${DAY_MS} AS start, bucket, sum(requests)
     FROM first_bytes_total WHERE ${hours} GROUP BY start - start % ${DAY_MS}, bucket
     ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`,
    day,
  );
  database.run(`DELETE FROM first_bytes_total WHERE ${hours}`, day);
  rollUpSpending(database, spendingBefore);
  // The next closing makes their sums by the hour again.
  database.run(
    `DELETE FROM closed_sums WHERE until - start = ${DAY_MS} AND start IN (
       SELECT start - start % ${DAY_MS} FROM usage_by_hour WHERE dimension = '' AND ${hours})`,
    day,
  );
}

/** The days and months that lack sums which can be made now. */
export function listClosablePeriods(database: Connection, now: number): ClosedSpan[] {
  return closablePeriods({ ...readSumState(database), now });
}

/** Makes the sums of a day or month. Call it within a transaction. */
export function closePeriod(database: Connection, span: ClosedSpan): void {
  // An exchange or another owner of a token can have opened it since it was listed.
  const row = database.get(
    "SELECT edition FROM closed_sums WHERE start = ? AND until = ?",
    span.from,
    span.to,
  );
  const edition = Number(row?.["edition"] ?? 0);
  for (const sql of closingStatements({ ...span, edition }, DIALECT)) database.execute(sql);
  database.run(
    "INSERT OR REPLACE INTO closed_sums (start, until, edition) VALUES (?, ?, ?)",
    span.from,
    span.to,
    EDITION,
  );
}
