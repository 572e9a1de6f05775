/** The tables of a SQLite database, for a copy. */

import type { SQLInputValue } from "node:sqlite";
import type { Row } from "../rows/row.ts";
import { StoreError } from "../store.ts";
import type { Connection } from "../sqlite/connection.ts";
import { openExclusively } from "../sqlite/open_locked.ts";
import type { TableAccess, TableTotals } from "./table_access.ts";
import {
  type CopiedColumn,
  type CopiedRow,
  type CopiedTable,
  type CopiedValue,
  COPY_NOTE,
} from "./tables.ts";

/**
 * Opens the database, or creates it, for this program alone. Throws a {@link StoreError} if a proxy has it
 * open.
 */
export function openSqliteTables(path: string): TableAccess {
  const opened = openExclusively(path);
  if (opened === undefined) {
    throw new StoreError("busy", `${path} is in use: stop the proxy and other llm-proxy commands first`);
  }
  const { database, lock } = opened;
  return {
    place: path,
    // The port is asynchronous because the other database is.
    read: (table, from) => Promise.resolve(readRows(database, table, from)),
    write: (table, rows, note) => Promise.resolve(writeRows(database, { table, rows, note })),
    totals: (table) => Promise.resolve(totalsOf(database, table)),
    note: () => Promise.resolve(readNote(database)),
    finish: () => Promise.resolve(void database.run("DELETE FROM notes WHERE name = ?", COPY_NOTE)),
    close() {
      database.close();
      lock.release();
      return Promise.resolve();
    },
  };
}

function readRows(
  database: Connection,
  { name, columns, key }: CopiedTable,
  { after, limit }: { after: CopiedRow | undefined; limit: number },
): CopiedRow[] {
  const names = columns.map((column) => column.name).join(", ");
  const order = key.join(", ");
  const values = after === undefined ? [] : key.map((one) => stored(columns, after, one));
  const where = after === undefined ? "" : `WHERE (${order}) > (${key.map(() => "?").join(", ")})`;
  const rows = database.all(
    `SELECT ${names} FROM ${name} ${where} ORDER BY ${order} LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map((row) => columns.map((column) => copied(row, column)));
}

function writeRows(
  database: Connection,
  { table: { name, columns }, rows, note }: {
    table: CopiedTable;
    rows: readonly CopiedRow[];
    note: string;
  },
): void {
  const names = columns.map((column) => column.name);
  const insert = `INSERT INTO ${name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  database.transaction(() => {
    for (const row of rows) database.run(insert, ...names.map((one) => stored(columns, row, one)));
    database.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", COPY_NOTE, note);
  });
}

function totalsOf(database: Connection, { name, sums }: CopiedTable): TableTotals {
  const columns = ["count(*) AS copied_rows", ...sums.map((sum) => `coalesce(sum(${sum}), 0) AS ${sum}`)];
  const where = name === "notes" ? `WHERE name <> '${COPY_NOTE}'` : "";
  const row = database.get(`SELECT ${columns.join(", ")} FROM ${name} ${where}`) ?? {};
  return {
    rows: Number(row["copied_rows"]),
    sums: Object.fromEntries(sums.map((sum) => [sum, Number(row[sum])])),
  };
}

function readNote(database: Connection): string | undefined {
  const row = database.get("SELECT value FROM notes WHERE name = ?", COPY_NOTE);
  return row === undefined ? undefined : String(row["value"]);
}

function copied(row: Row, { name, kind }: CopiedColumn): CopiedValue {
  const value = row[name];
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value.toHex();
  if (kind === "boolean") return value === 1;
  return typeof value === "number" ? value : String(value);
}

function stored(columns: readonly CopiedColumn[], row: CopiedRow, name: string): SQLInputValue {
  const index = columns.findIndex((column) => column.name === name);
  const value = row[index] ?? null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (columns[index]?.kind === "bytes" && typeof value === "string") return Uint8Array.fromHex(value);
  return value;
}
