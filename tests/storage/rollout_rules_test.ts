/**
 * What a migration of PostgreSQL may do. Replicas of the version before write the same tables during an
 * upgrade, so their statements must succeed on the schema after it. The tables before and after each
 * migration are compared, as the database describes them.
 */

import { assertEquals } from "@std/assert";
import { migrate } from "../../src/storage/postgres/migrate.ts";
import { type Migration, MIGRATIONS } from "../../src/storage/postgres/migrations.ts";
import type { PostgresPool } from "../../src/storage/postgres/pool.ts";
import { withoutPostgres, withPool } from "../support/processes/postgres_server.ts";
import { postgres } from "../support/processes/shared_postgres.ts";
import { unless } from "../support/runner/left_out.ts";

/** The columns of all tables: their types, and what a statement that does not name them needs. */
const COLUMNS = `SELECT relname AS table, attname AS name, format_type(atttypid, atttypmod) AS type,
    attnotnull AS required, atthasdef OR attidentity <> '' OR attgenerated <> '' AS filled
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped`;
/** What can reject a row: keys, checks, and unique indexes. */
const CONSTRAINTS = `SELECT conrelid::regclass::text AS table, conname AS name, contype AS type,
    confrelid::regclass::text AS of, confdeltype AS deletion, pg_get_constraintdef(oid) AS text
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT indrelid::regclass::text, indexrelid::regclass::text, 'i', '-', ' ', pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE relnamespace = 'public'::regnamespace AND indisunique
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)`;

interface Schema {
  readonly columns: readonly Record<string, unknown>[];
  readonly constraints: readonly Record<string, unknown>[];
}

async function schemaOf(pool: PostgresPool): Promise<Schema> {
  return { columns: await pool.all(COLUMNS), constraints: await pool.all(CONSTRAINTS) };
}

/** What a program of the schema before cannot do on the schema after. */
function broken(before: Schema, after: Schema): string[] {
  const found: string[] = [];
  const tables = new Set(before.columns.map(({ table }) => table));
  const keyOf = ({ table, name }: Record<string, unknown>) => `${table}.${name}`;
  const now = new Map(after.columns.map((column) => [keyOf(column), column]));
  for (const column of before.columns) {
    const same = now.get(keyOf(column));
    now.delete(keyOf(column));
    if (same === undefined) found.push(`${keyOf(column)} is gone`);
    else if (same["type"] !== column["type"]) found.push(`${keyOf(column)} has another type`);
    else if (same["required"] === true && column["required"] !== true) {
      found.push(`${keyOf(column)} is required`);
    } else if (same["filled"] !== true && column["filled"] === true) {
      found.push(`${keyOf(column)} has no default`);
    }
  }
  for (const [key, { table, required, filled }] of now) {
    if (tables.has(table) && required === true && filled !== true) {
      found.push(`${key} is required, and has no default`);
    }
  }
  const known = new Map(before.constraints.map((one) => [keyOf(one), one["text"]]));
  for (const one of after.constraints) {
    const isNew = known.get(keyOf(one)) !== one["text"];
    known.delete(keyOf(one));
    if (isNew && tables.has(one["table"])) found.push(`${keyOf(one)} can reject rows`);
    // The version before deletes rows without a look at the new table. a and r: no action, restrict.
    if (isNew && tables.has(one["of"]) && /[ar]/.test(String(one["deletion"]))) {
      found.push(`${keyOf(one)} can reject deletions`);
    }
  }
  // Statements with ON CONFLICT name the columns of a unique key.
  for (const key of known.keys()) found.push(`${key} is gone`);
  return found;
}

async function inNewDatabase(name: string, work: (pool: PostgresPool) => Promise<void>): Promise<void> {
  await postgres().admin(`CREATE DATABASE ${name}`);
  try {
    await withPool(postgres().url(name), work);
  } finally {
    await postgres().dropDatabase(name);
  }
}

Deno.test({
  ...unless(
    withoutPostgres(),
    "migrations: the version before can work on the tables after each, unless it removes",
  ),
  fn: () =>
    inNewDatabase("rules", async (pool) => {
      for (const migration of MIGRATIONS) {
        const before = await schemaOf(pool);
        await migrate(pool, MIGRATIONS.slice(0, migration.version));
        const found = broken(before, await schemaOf(pool));
        if (migration.worksSince === undefined) assertEquals(found, [], migration.name);
      }
    }),
});

/** Migrations that the version before does not tolerate, and what is wrong with them. */
const INTOLERABLE: Readonly<Record<string, readonly string[]>> = {
  "DROP TABLE token_owners": [
    "token_owners.owner_id is gone",
    "token_owners.token_id is gone",
    "token_owners.token_owners_pkey is gone",
  ],
  "ALTER TABLE tokens RENAME COLUMN name TO label": [
    "tokens.label is required, and has no default",
    "tokens.name is gone",
  ],
  "ALTER TABLE tokens ALTER COLUMN last_used_at SET NOT NULL": ["tokens.last_used_at is required"],
  "ALTER TABLE tokens ALTER COLUMN last_used_at TYPE text": ["tokens.last_used_at has another type"],
  "ALTER TABLE tokens ALTER COLUMN owner_left DROP DEFAULT": ["tokens.owner_left has no default"],
  "ALTER TABLE notes ADD COLUMN at bigint NOT NULL": ["notes.at is required, and has no default"],
  "ALTER TABLE notes ADD CONSTRAINT short CHECK (length(value) < 10)": ["notes.short can reject rows"],
  "CREATE UNIQUE INDEX one_name ON tokens (name)": ["tokens.one_name can reject rows"],
  "CREATE TABLE late (id text REFERENCES tokens (id))": ["late.late_id_fkey can reject deletions"],
};
/** And those that it does. */
const TOLERABLE: readonly string[] = [
  "ALTER TABLE tokens ADD COLUMN more text",
  "ALTER TABLE tokens ADD COLUMN more text NOT NULL DEFAULT 'x'",
  "CREATE TABLE late (id text PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE, at bigint NOT NULL)",
  "CREATE INDEX more ON tokens (last_used_at)",
];

Deno.test({
  ...unless(withoutPostgres(), "migrations: the rule finds what the version before does not tolerate"),
  fn: () =>
    inNewDatabase("rules", async (pool) => {
      await migrate(pool, MIGRATIONS);
      const before = await schemaOf(pool);
      const foundBy = async (sql: Migration["sql"]): Promise<string[]> => {
        let found: string[] = [];
        const undone = new Error("undone");
        await pool.transaction(async (queries) => {
          await queries.run(sql);
          const columns = await queries.all(COLUMNS);
          found = broken(before, { columns, constraints: await queries.all(CONSTRAINTS) });
          throw undone;
        }).catch((error) => {
          if (error !== undone) throw error;
        });
        return found.sort();
      };
      for (const [sql, wrong] of Object.entries(INTOLERABLE)) assertEquals(await foundBy(sql), wrong, sql);
      for (const sql of TOLERABLE) assertEquals(await foundBy(sql), [], sql);
    }),
});
