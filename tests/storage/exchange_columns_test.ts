import { assertEquals } from "@std/assert";
import { EXCHANGE_COLUMN_LIST } from "../../src/storage/exchange_columns.ts";
import { Database } from "../../src/storage/sqlite/database.ts";
import { exchangeRow } from "../support/data/rows.ts";

const SQLITE_TYPES: Record<string, string> = {
  integer: "INTEGER",
  time: "INTEGER",
  boolean: "INTEGER",
  real: "REAL",
};

Deno.test("exchange columns: each column reads its own member", () => {
  for (const { member, value } of EXCHANGE_COLUMN_LIST) {
    const read: unknown[] = [];
    const row = new Proxy(exchangeRow(), { get: (_, name) => read.push(name) });
    value(row);
    assertEquals(read, [member]);
  }
});

Deno.test("exchange columns: the SQLite schema has the same columns and types", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const database = new Database(`${folder}/x.db`);
    const columns = database.all("SELECT name, type FROM pragma_table_info('exchanges') WHERE name <> 'seq'");
    database.close();
    assertEquals(
      columns.map(({ name, type }) => `${name} ${type}`).sort(),
      EXCHANGE_COLUMN_LIST.map(({ column, kind }) => `${column} ${SQLITE_TYPES[String(kind)] ?? "TEXT"}`)
        .sort(),
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
