/** Spending in SQLite, by the hour that it was booked in. Budgets start from it. */

import { KEY_PREFIXES } from "../../principal.ts";
import { SPENDING_KEPT_MS, SPENDING_ROLLED_MS } from "../booking.ts";
import { ofSubjects, spendingRows, spendingStatement } from "../rows/spending_rows.ts";
import { spendingOf } from "../rows/spending_sums.ts";
import { DAY_MS } from "../rows/usage_sums.ts";
import { allParts, monthOf } from "../rows/usage_parts.ts";
import { requestsStatement } from "../rows/usage_statements.ts";
import type { ExchangeRow, Spending, SpendingQuery } from "../store.ts";
import type { Connection } from "./connection.ts";
import { DIALECT } from "./dialect.ts";
import { readSumState } from "./usage_queries.ts";

const ADD = `INSERT INTO spending (start, subject, dated, micros) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET micros = micros + excluded.micros`;

/** Adds the costs of exchanges. Call it within the transaction that writes them. */
export function addSpending(database: Connection, rows: Iterable<ExchangeRow>): void {
  for (const { start, subject, isDated, micros } of spendingOf(rows)) {
    database.run(ADD, start, subject, isDated ? 1 : 0, micros);
  }
}

/** Reads the spending of managed tokens, projects, tokens of the configuration and rules for models. */
export function readSpending(
  database: Connection,
  { until, lastMs = SPENDING_KEPT_MS, keys }: SpendingQuery,
): Spending[] {
  const latest = Number(database.get("SELECT max(start) AS latest FROM spending")?.["latest"] ?? until);
  const from = Math.min(latest, until) - lastMs;
  const subjects = keys && DIALECT.list(DIALECT.placeholder(1));
  const values = keys === undefined ? [] : [JSON.stringify([...keys])];
  const requests = requestsStatement(allParts(readSumState(database)), KEY_PREFIXES);
  return spendingRows(
    database.allOnce(spendingStatement(from, DIALECT, subjects), ...values),
    database.allOnce(ofSubjects(requests, subjects), ...values),
  );
}

/**
 * Moves spending without a certain hour, and spending of later hours, to an hour. Call it within a
 * transaction.
 */
export function dateSpending(database: Connection, hour: number): void {
  database.run(
    `INSERT INTO spending (start, subject, dated, micros)
     SELECT ?, subject, 1, sum(micros) FROM spending WHERE dated = 0 OR start > ? GROUP BY subject
     ON CONFLICT DO UPDATE SET micros = micros + excluded.micros`,
    hour,
    hour,
  );
  database.run("DELETE FROM spending WHERE dated = 0 OR start > ?", hour);
}

/**
 * Rolls up spending from before a moment: from hours to days, and from whole months to months. No period of a
 * budget is longer than a month. Much spending is rolled up in several calls, the oldest first. Call it
 * within a transaction.
 */
export function rollUpSpending(database: Connection, before: number): void {
  const month = "CAST(strftime('%s', start / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000";
  const rolled = `CASE WHEN start < ${monthOf(before).from} THEN ${month} ELSE start - start % ${DAY_MS} END`;
  const old = (until: number) => `start < ${until} AND dated = 1 AND start <> ${rolled}`;
  const day = before - before % DAY_MS;
  const first = database.allOnce(`SELECT min(start) AS first FROM spending WHERE ${old(day)}`)[0]?.["first"];
  if (typeof first !== "number") return;
  const some = old(Math.min(day, first + SPENDING_ROLLED_MS));
  database.execute(
    `INSERT INTO spending (start, subject, dated, micros)
     SELECT ${rolled}, subject, 1, sum(micros) FROM spending WHERE ${some} GROUP BY 1, 2
     ON CONFLICT DO UPDATE SET micros = micros + excluded.micros;
     DELETE FROM spending WHERE ${some}`,
  );
}
