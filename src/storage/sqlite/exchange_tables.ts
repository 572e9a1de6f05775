/** Writes exchanges and their sums to SQLite. */

import type { SQLInputValue } from "node:sqlite";
import { EXCHANGE_COLUMN_LIST, type StoredValue } from "../exchange_columns.ts";
import type { ExchangeRow } from "../store.ts";
import { countToken, type TokenCount } from "../rows/token_counts.ts";
import { DAY_MS, KEY_COLUMNS, SUM_COLUMNS, type UsageGroup, UsageGroups } from "../rows/usage_sums.ts";
import type { Connection } from "./connection.ts";
import { addSpending } from "./spending.ts";

/** How many rows a statement inserts, because each run of a statement costs as much as binding half a row. */
const ROWS_AT_ONCE = 16;
const INSERT_ONE = insertOf(1);
const INSERT_MANY = insertOf(ROWS_AT_ONCE);
const VALUES = EXCHANGE_COLUMN_LIST.map(({ value }) => value);

/** The sums by the hour and by the day. */
const ADD_SUMS = ["usage", "usage_days"].map((table) =>
  `INSERT INTO ${table} (${[...KEY_COLUMNS, ...SUM_COLUMNS].join(", ")})
  VALUES (${[...KEY_COLUMNS, ...SUM_COLUMNS].map(() => "?").join(", ")})
  ON CONFLICT DO UPDATE SET ${
    SUM_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ")
  }`
);
const [ADD_HOUR = "", ADD_DAY = ""] = ADD_SUMS;

const [ADD_FIRST_BYTES_HOUR = "", ADD_FIRST_BYTES_DAY = ""] = ["first_bytes", "first_bytes_days"].map((
  table,
) =>
  `INSERT INTO ${table} (${KEY_COLUMNS.join(", ")}, bucket, requests)
  VALUES (${KEY_COLUMNS.map(() => "?").join(", ")}, ?, ?)
  ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`
);
const ADD_FIRST_BYTES_TOTAL = `INSERT INTO first_bytes_total (start, bucket, requests) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`;

/** Opens the day and the month of late exchanges: see `closed_sums.ts`. */
const OPEN_SUMS = "DELETE FROM closed_sums WHERE start <= ? AND until > ?";

/**
 * Writes exchanges, their sums, their spending and the counts of their tokens. Call it within a transaction.
 */
export function insertExchanges(database: Connection, rows: Iterable<ExchangeRow>): void {
  const table = new ExchangeTable(database);
  const groups = new UsageGroups();
  const tokens = new Map<string, TokenCount>();
  for (const row of rows) {
    table.add(row);
    groups.add(row);
    countToken(row, tokens);
  }
  table.end();
  addSpending(database, rows);
  const days = new Set<number>();
  for (const group of groups.all()) {
    addGroup(database, group);
    days.add(group.start - group.start % DAY_MS);
  }
  for (const day of days) database.run(OPEN_SUMS, day, day);
  for (const [id, { count, lastUsedAt }] of tokens) {
    database.run(
      `UPDATE tokens SET request_count = request_count + ?, last_used_at = max(coalesce(last_used_at, 0), ?)
       WHERE id = ?`,
      count,
      lastUsedAt,
      id,
    );
  }
}

function insertOf(rows: number): string {
  const row = `(${EXCHANGE_COLUMN_LIST.map(() => "?").join(", ")})`;
  return `INSERT INTO exchanges (${EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ")})
    VALUES ${Array.from({ length: rows }, () => row).join(", ")}`;
}

/** Inserts rows into the table of exchanges, several with one run of a statement. */
class ExchangeTable {
  readonly #database: Connection;
  /**
   * The values of rows that are not inserted yet. One array serves all rows, so that they make less garbage.
   */
  readonly #values = new Array<SQLInputValue>(VALUES.length * ROWS_AT_ONCE).fill(null);
  #count = 0;

  constructor(database: Connection) {
    this.#database = database;
  }

  /** Adds a row. Its values are read now. */
  add(row: ExchangeRow): void {
    const begin = this.#count * VALUES.length;
    for (let index = 0; index < VALUES.length; index++) {
      this.#values[begin + index] = sqlValue(VALUES[index]?.(row));
    }
    if (++this.#count < ROWS_AT_ONCE) return;
    this.#database.prepared(INSERT_MANY).run(...this.#values);
    this.#count = 0;
  }

  /** Inserts the rows that are left. */
  end(): void {
    const insert = this.#database.prepared(INSERT_ONE);
    for (let row = 0; row < this.#count; row++) {
      insert.run(...this.#values.slice(row * VALUES.length, (row + 1) * VALUES.length));
    }
    this.#count = 0;
  }
}

function addGroup(database: Connection, { start, key, sums, firstBytes }: UsageGroup): void {
  const day = start - start % DAY_MS;
  database.run(ADD_HOUR, start, ...key, ...sums);
  database.run(ADD_DAY, day, ...key, ...sums);
  for (const [bucket, requests] of firstBytes) {
    database.run(ADD_FIRST_BYTES_HOUR, start, ...key, bucket, requests);
    database.run(ADD_FIRST_BYTES_DAY, day, ...key, bucket, requests);
    database.run(ADD_FIRST_BYTES_TOTAL, start, bucket, requests);
  }
}

/** The value as SQLite keeps it: a boolean is 0 or 1, and a list is JSON. */
function sqlValue(value: StoredValue): SQLInputValue {
  if (typeof value === "string" || typeof value === "number") return value;
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return JSON.stringify(value);
}
