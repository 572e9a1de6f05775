/** Fills a database with millions of made-up exchanges and their sums, in SQL. */

import { DatabaseSync } from "node:sqlite";
import { monthOf } from "../../../src/storage/postgres/partitions.ts";
import { openStore } from "../../../src/storage/open.ts";
import { auditRow, projectRow, tokenRow } from "../../support/data/rows.ts";
import { withPool } from "../../support/processes/postgres_server.ts";
import {
  BUCKETS,
  COLUMNS,
  DAY_MS,
  DAYS,
  exchangesOf,
  projectId,
  projectOf,
  PROJECTS,
  STEP,
  SUM_STATEMENTS,
  tokenId,
  TOKENS,
} from "./made_up.ts";

/** How many exchanges to make, and the first millisecond of their year, since 1970. */
export interface Filling {
  readonly total: number;
  readonly begin: number;
}

/** How long a statement may take, in milliseconds. */
const LONGEST_MS = 1_800_000;
/** The indexes that are made after the rows, which takes a third of the time. */
const DROPPED = `SELECT indexdef, indexname FROM pg_indexes
  WHERE tablename = 'exchanges' AND schemaname = 'public'`;

/** The primary keys of the tables of sums. */
const SUM_KEYS = `SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS key
  FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text
    IN ('usage', 'usage_days', 'first_bytes', 'first_bytes_days', 'first_bytes_total', 'spending')`;

/** Adds the projects and tokens through the store. */
async function addAccess(url: string): Promise<void> {
  const store = await openStore(url);
  for (let project = 0; project < PROJECTS; project++) {
    const id = projectId(project);
    await store.addProject(projectRow(id), auditRow("project.create", id));
  }
  for (let token = 0; token < TOKENS; token++) {
    const project = projectOf(token);
    if (project === undefined) continue;
    const id = tokenId(token);
    await store.addToken(tokenRow(id, projectId(project)), auditRow("token.create", id));
  }
  await store.close();
}

/** The statements that make the table of buckets, which every step joins. */
const MAKE_BUCKETS = [
  "CREATE TEMPORARY TABLE buckets (bucket bigint PRIMARY KEY, ms double precision)",
  `INSERT INTO buckets VALUES ${BUCKETS.map(({ bucket, ms }) => `(${bucket}, ${ms})`).join(", ")}`,
];

/** The statements that insert exchanges, in steps. */
function insertions(
  { total, begin }: Filling,
  { numbers, truth }: { numbers: (from: number, to: number) => string; truth: readonly [string, string] },
): string[] {
  return Array.from(
    { length: Math.ceil(total / STEP) },
    (_, step) =>
      `INSERT INTO exchanges (${COLUMNS.join(", ")}) ${
        exchangesOf({
          total,
          begin,
          truth,
          numbers: numbers(step * STEP, Math.min(total, (step + 1) * STEP) - 1),
        })
      }`,
  );
}

/** Fills a PostgreSQL database, which has no exchanges yet. */
export async function fillPostgres(url: string, filling: Filling): Promise<void> {
  await addAccess(url);
  await withPool(url, async (pool) => {
    await pool.transaction(async (queries) => {
      await queries.run("SET LOCAL work_mem = '1GB'; SET LOCAL maintenance_work_mem = '1GB'");
      for (const sql of MAKE_BUCKETS) await queries.run(sql);
      for (let at = filling.begin; at < filling.begin + DAYS * DAY_MS; at = monthOf(at).to) {
        const { table, from, to } = monthOf(at);
        await queries.run(
          `CREATE TABLE ${table} PARTITION OF exchanges FOR VALUES FROM (${from}) TO (${to})`,
        );
      }
      const indexes = await queries.all(DROPPED);
      for (const { indexname } of indexes) await queries.run(`DROP INDEX ${indexname}`);
      const numbers = (from: number, to: number) => `SELECT generate_series(${from}::bigint, ${to}) AS n`;
      for (const sql of insertions(filling, { numbers, truth: ["true", "false"] })) await queries.run(sql);
      for (const { indexdef } of indexes) await queries.run(String(indexdef).replace(" ON ONLY ", " ON "));
      const keys = await queries.all(SUM_KEYS);
      for (const { table, name } of keys) await queries.run(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
      for (const sql of SUM_STATEMENTS) await queries.run(sql);
      for (const { table, name, key } of keys) {
        await queries.run(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${key}`);
      }
      // A temporary table would outlive the transaction on its connection.
      await queries.run("DROP TABLE buckets");
    }, { timeoutMs: LONGEST_MS });
  });
}

/** Makes the statistics of all tables, as autovacuum does within minutes. */
export async function analysePostgres(url: string): Promise<void> {
  await withPool(url, async (pool) => {
    await pool.transaction(async (queries) => void await queries.run("ANALYZE"), { timeoutMs: LONGEST_MS });
  });
}

/** Fills a SQLite database, which has no exchanges yet. */
export async function fillSqlite(url: string, filling: Filling): Promise<void> {
  await addAccess(url);
  const database = new DatabaseSync(url.replace(/^sqlite:/, ""));
  database.exec(
    "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY; PRAGMA threads = 2",
  );
  const indexes = database.prepare(
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'exchanges' AND sql IS NOT NULL",
  ).all();
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`);
  for (const sql of MAKE_BUCKETS) database.exec(sql);
  const numbers = (from: number, to: number) =>
    `SELECT ${from} AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < ${to}`;
  for (const sql of insertions(filling, { numbers, truth: ["1", "0"] })) {
    database.exec(sql.replace("WITH numbers AS", "WITH RECURSIVE numbers AS"));
  }
  for (const { sql } of indexes) database.exec(String(sql));
  for (const sql of SUM_STATEMENTS) database.exec(sql);
  database.close();
}
