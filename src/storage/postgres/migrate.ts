/** Brings the schema of a database up to date, or checks that this version can work with a newer one. */

import { sha256 } from "@noble/hashes/sha2.js";
import { StoreError } from "../store.ts";
import { type Migration, MIGRATIONS } from "./migrations.ts";
import type { PostgresPool, Queries } from "./pool.ts";

/** The number of the advisory lock of migrations. */
const MIGRATION_LOCK = 7_808_210_002;
/** Tables that another program may have in a database without the migrations of this program. */
const COMMON_NAMES = ["projects", "tokens", "exchanges", "usage", "audit", "notes"];
/** How long a migration may take, in milliseconds: large tables take a while. */
export const MIGRATION_MS = 600_000;
/**
 * How long a migration waits for a table that a long query uses, such as that of a backup, in milliseconds.
 * All others that use the table wait behind it.
 */
const TABLE_LOCK_MS = 2_000;
/** For how long others use the table before the next attempt, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Applies missing migrations, one program at a time. Accepts a newer schema that works with this version:
 * during an upgrade, a replica of the new version migrates the schema while others of the old version still
 * run, and may start again. Throws a {@link StoreError}. If another program uses a table for longer than
 * `lockMs`, the migration begins again after `retryMs`.
 */
export async function migrate(
  pool: PostgresPool,
  migrations: readonly Migration[] = MIGRATIONS,
  { lockMs = TABLE_LOCK_MS, retryMs = RETRY_MS }: { lockMs?: number; retryMs?: number } = {},
): Promise<void> {
  const { place } = pool.server;
  const end = performance.now() + MIGRATION_MS;
  for (;;) {
    const applied = await appliedMigrations(pool);
    if (checkApplied(applied, { migrations, place }).length === 0) return;
    try {
      return await applyMissing(pool, migrations, lockMs);
    } catch (error) {
      const isLocked = error instanceof StoreError && error.kind === "busy";
      if (!isLocked || performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** Applies missing migrations in one transaction. */
async function applyMissing(
  pool: PostgresPool,
  migrations: readonly Migration[],
  lockMs: number,
): Promise<void> {
  const { place } = pool.server;
  const begin = `SET LOCAL lock_timeout = ${MIGRATION_MS}; SELECT pg_advisory_xact_lock(${MIGRATION_LOCK});
    SET LOCAL lock_timeout = ${lockMs}`;
  await pool.transaction(async (queries) => {
    // Another program can have applied them meanwhile.
    const before = await appliedMigrations(queries);
    const missing = checkApplied(before, { migrations, place });
    if (before.length === 0 && await hasTables(queries, COMMON_NAMES)) {
      throw new StoreError("corrupt", `${place} has the tables of another program. Use another database`);
    }
    await queries.run(`CREATE TABLE IF NOT EXISTS schema_migrations (
      version bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)`);
    await queries.run("ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS works_since bigint");
    for (const migration of missing) {
      await queries.run(migration.sql);
      const { version, name, worksSince = 0 } = migration;
      await queries.run("INSERT INTO schema_migrations VALUES ($1, $2, $3, $4, $5)", [
        version,
        name,
        checksumOf(migration),
        Date.now(),
        worksSince,
      ]);
    }
  }, { begin, timeoutMs: MIGRATION_MS });
}

/** A migration that a database has. */
export interface AppliedMigration {
  readonly version: number;
  readonly checksum: string;
  readonly worksSince: number;
}

/** The migrations that a database has, in their order. */
export async function appliedMigrations(queries: Queries): Promise<AppliedMigration[]> {
  if (!await hasTables(queries, ["schema_migrations"])) return [];
  // The first builds wrote no column `works_since`.
  const rows = await queries.all(
    `SELECT version, checksum, coalesce((to_jsonb(one)->>'works_since')::bigint, 0) AS works_since
     FROM schema_migrations AS one ORDER BY version`,
  );
  return rows.map((row) => ({
    version: Number(row["version"]),
    checksum: String(row["checksum"]),
    worksSince: Number(row["works_since"]),
  }));
}

/** The oldest version of the schema whose programs can work with a database. */
export function worksSinceOf(applied: readonly AppliedMigration[]): number {
  return Math.max(0, ...applied.map(({ worksSince }) => worksSince));
}

/** The migrations that are missing. Throws a {@link StoreError} if this version cannot use the schema. */
function checkApplied(
  applied: readonly AppliedMigration[],
  { migrations, place }: { migrations: readonly Migration[]; place: string },
): readonly Migration[] {
  const newest = migrations.at(-1)?.version ?? 0;
  const worksSince = worksSinceOf(applied);
  if (worksSince > newest) {
    throw new StoreError(
      "newer",
      `${place} is of a newer llm-proxy (schema ${applied.at(-1)?.version}, for programs with schema ` +
        `${worksSince} or later; this version has ${newest}): use that version or a later one`,
    );
  }
  for (const { version, checksum } of applied) {
    const known = migrations.find((migration) => migration.version === version);
    if (known !== undefined && checksumOf(known) !== checksum) {
      throw new StoreError("corrupt", `the schema of ${place} does not match its version ${version}`);
    }
  }
  return migrations.filter(({ version }) => !applied.some((one) => one.version === version));
}

/**
 * Whether the database has one of some tables. `to_regclass` would answer from a cache, which does not have
 * the tables that another program has created while this one waited for the lock.
 */
export async function hasTables(queries: Queries, names: readonly string[]): Promise<boolean> {
  const row = await queries.get(
    `SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY($1)) AS found`,
    [[...names]],
  );
  return row?.["found"] === true;
}

/** The checksum of a migration, which every database keeps. */
function checksumOf({ sql }: Migration): string {
  return sha256(new TextEncoder().encode(sql)).toHex();
}
