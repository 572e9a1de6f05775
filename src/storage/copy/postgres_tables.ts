/** The tables of a PostgreSQL database, for a copy. */

import type { PostgresUrl } from "../../network/postgres_url.ts";
import { migrate } from "../postgres/migrate.ts";
import { hasOtherPrograms } from "../postgres/other_programs.ts";
import { Partitions } from "../postgres/partitions.ts";
import { PostgresPool } from "../postgres/pool.ts";
import { findServer } from "../postgres/server.ts";
import { storedJson } from "../postgres/stored_text.ts";
import type { Row } from "../rows/row.ts";
import { StoreError } from "../store.ts";
import type { TableAccess, TableTotals } from "./table_access.ts";
import {
  type CopiedColumn,
  type CopiedRow,
  type CopiedTable,
  type CopiedValue,
  COPY_NOTE,
} from "./tables.ts";

/** How long a statement of a copy may take, in milliseconds: sums read whole tables. */
const LONG = { timeoutMs: 600_000 };

/** Opens the database and creates its tables. Throws a {@link StoreError} if a proxy is connected to it. */
export async function openPostgresTables(url: PostgresUrl): Promise<TableAccess> {
  const pool = new PostgresPool(await findServer(url));
  try {
    await checkAlone(pool);
    await migrate(pool);
  } catch (error) {
    await pool.close();
    throw error;
  }
  const partitions = new Partitions(pool);
  return {
    place: pool.server.place,
    read: (table, from) => readRows(pool, table, from),
    async write(table, rows, note) {
      const start = table.name === "exchanges"
        ? table.columns.findIndex(({ name }) => name === "started_at")
        : undefined;
      if (start !== undefined) await partitions.create(rows.map((row) => Number(row[start])));
      await writeRows(pool, { table, rows, note });
    },
    totals: (table) => totalsOf(pool, table),
    async note() {
      const row = await pool.get("SELECT value FROM notes WHERE name = $1", [COPY_NOTE]);
      return row === undefined ? undefined : String(row["value"]);
    },
    finish: (tables) => finish(pool, tables),
    close: () => pool.close(),
  };
}

async function checkAlone(pool: PostgresPool): Promise<void> {
  if (!await hasOtherPrograms(pool)) return;
  throw new StoreError(
    "busy",
    `${pool.server.place} is in use: stop the proxies and other llm-proxy commands first`,
  );
}

async function readRows(
  pool: PostgresPool,
  { name, columns, key }: CopiedTable,
  { after, limit }: { after: CopiedRow | undefined; limit: number },
): Promise<CopiedRow[]> {
  const names = columns.map((column) => column.name);
  const order = key.join(", ");
  const values = after === undefined ? [] : key.map((one) => after[names.indexOf(one)]);
  const places = key.map((_, index) => `$${index + 1}`).join(", ");
  const where = after === undefined ? "" : `WHERE (${order}) > (${places})`;
  const sql = `SELECT ${names.join(", ")} FROM ${name} ${where} ORDER BY ${order} LIMIT ${limit}`;
  const rows = await pool.transaction((queries) => queries.all(sql, values), LONG);
  return rows.map((row) => columns.map((column) => copied(row, column)));
}

async function writeRows(
  pool: PostgresPool,
  { table: { name, columns }, rows, note }: {
    table: CopiedTable;
    rows: readonly CopiedRow[];
    note: string;
  },
): Promise<void> {
  const names = columns.map((column) => column.name);
  const values = columns.map((column) =>
    column.kind === "bytes" ? `decode(${column.name}, 'hex')` : column.name
  );
  const json = storedJson(
    rows.map((row) => Object.fromEntries(names.map((column, index) => [column, row[index]]))),
  );
  await pool.transaction(async (queries) => {
    await queries.run(
      `INSERT INTO ${name} (${names.join(", ")}) SELECT ${values.join(", ")}
       FROM json_to_recordset($1) AS rows (${columns.map(typedName).join(", ")})`,
      [json],
    );
    await queries.run(
      "INSERT INTO notes (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [COPY_NOTE, note],
    );
  }, LONG);
}

function typedName({ name, kind }: CopiedColumn): string {
  switch (kind) {
    case "integer":
      return `${name} bigint`;
    case "real":
      return `${name} double precision`;
    case "boolean":
      return `${name} boolean`;
    case "text":
    case "bytes":
      return `${name} text`;
    default:
      return kind satisfies never;
  }
}

async function totalsOf(pool: PostgresPool, { name, sums }: CopiedTable): Promise<TableTotals> {
  const columns = ["count(*) AS copied_rows", ...sums.map((sum) => `coalesce(sum(${sum}), 0) AS ${sum}`)];
  const where = name === "notes" ? `WHERE name <> '${COPY_NOTE}'` : "";
  const sql = `SELECT ${columns.join(", ")} FROM ${name} ${where}`;
  const row = await pool.transaction((queries) => queries.get(sql), LONG) ?? {};
  return {
    rows: Number(row["copied_rows"]),
    sums: Object.fromEntries(sums.map((sum) => [sum, Number(row[sum])])),
  };
}

async function finish(pool: PostgresPool, tables: readonly CopiedTable[]): Promise<void> {
  await pool.transaction(async (queries) => {
    for (const { name, columns } of tables) {
      if (!columns.some((column) => column.name === "seq")) continue;
      const sequence = name === "exchanges" ? "'exchanges_seq'" : `pg_get_serial_sequence('${name}', 'seq')`;
      await queries.run(
        `SELECT setval(${sequence}, coalesce((SELECT max(seq) FROM ${name}), 0) + 1, false)`,
      );
    }
    await queries.run("DELETE FROM notes WHERE name = $1", [COPY_NOTE]);
    // The planner of queries needs to know how much there is now.
    await queries.run("ANALYZE");
  }, LONG);
}

function copied(row: Row, { name }: CopiedColumn): CopiedValue {
  const value = row[name];
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "number" || typeof value === "boolean" ? value : String(value);
}
