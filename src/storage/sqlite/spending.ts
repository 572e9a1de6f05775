/** Spending in SQLite, by the hour that it was booked in. Budgets start from it. */

import { KEY_PREFIXES } from "../../principal.ts";
import { SPENDING_KEPT_MS } from "../booking.ts";
import { spendingOf } from "../rows/spending_sums.ts";
import { allParts } from "../rows/usage_parts.ts";
import { requestsStatement } from "../rows/usage_statements.ts";
import type { ExchangeRow, Spending } from "../store.ts";
import type { Connection } from "./connection.ts";
import { readSumState } from "./usage_queries.ts";

const DAY_MS = 24 * 3_600_000;
const ADD = `INSERT INTO spending (start, subject, dated, micros) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET micros = micros + excluded.micros`;

/** Adds the costs of exchanges. Call it within the transaction that writes them. */
export function addSpending(database: Connection, rows: Iterable<ExchangeRow>): void {
  for (const { start, subject, isDated, micros } of spendingOf(rows)) {
    database.run(ADD, start, subject, isDated ? 1 : 0, micros);
  }
}

/** Reads the spending of all managed tokens, projects, tokens of the configuration and rules for models. */
export function readSpending(
  database: Connection,
  { until, lastMs = SPENDING_KEPT_MS }: { until: number; lastMs?: number },
): Spending[] {
  const latest = Number(database.get("SELECT max(start) AS latest FROM spending")?.["latest"] ?? until);
  const from = Math.min(latest, until) - lastMs;
  const requests = new Map(
    database.allOnce(requestsStatement(allParts(readSumState(database)), KEY_PREFIXES))
      .map((row) => [String(row["subject"]), Number(row["requests"])]),
  );
  const totals = new Map(
    database.all("SELECT subject, sum(micros) AS micros FROM spending GROUP BY 1")
      .map((row) => [String(row["subject"]), Number(row["micros"])]),
  );
  const hours = Map.groupBy(
    database.all("SELECT start, subject, dated, micros FROM spending WHERE start >= ? OR dated = 0", from),
    (row) => String(row["subject"]),
  );
  return [...new Set([...requests.keys(), ...totals.keys()])].map((key) => ({
    key,
    requests: requests.get(key) ?? 0,
    totalMicros: totals.get(key) ?? 0,
    hours: (hours.get(key) ?? []).map((row) => ({
      start: Number(row["start"]),
      micros: Number(row["micros"]),
      isDated: row["dated"] === 1,
    })),
  }));
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

/** Rolls up spending from before a day from hours to days. Call it within a transaction. */
export function rollUpSpending(database: Connection, day: number): void {
  const hours = `start < ? AND start % ${DAY_MS} <> 0 AND dated = 1`;
  database.run(
    `INSERT INTO spending (start, subject, dated, micros)
     SELECT start - start % ${DAY_MS}, subject, 1, sum(micros) FROM spending WHERE ${hours} GROUP BY 1, 2
     ON CONFLICT DO UPDATE SET micros = micros + excluded.micros`,
    day,
  );
  database.run(`DELETE FROM spending WHERE ${hours}`, day);
}
