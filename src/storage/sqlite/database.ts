/** The database file of the program: its creation, and its schema. */

import { sha256 } from "@noble/hashes/sha2.js";
import { messageOf } from "../../text/error_text.ts";
import { StoreError } from "../store.ts";
import { Connection } from "./connection.ts";
import { type Migration, MIGRATIONS } from "./migrations.ts";

/** How long the start waits for a transaction of another program. */
const BUSY_AT_START_MS = 2_000;
/** How long later statements wait for one. The wait blocks the thread, and the callers retry. */
const BUSY_MS = 100;

/**
 * Opens or creates the file, and applies missing migrations. Throws a {@link StoreError}.
 */
export class Database extends Connection {
  constructor(path: string, migrations: readonly Migration[] = MIGRATIONS) {
    makePrivateFile(path);
    super(path, { busyMs: BUSY_AT_START_MS });
    try {
      migrate(this, migrations);
      this.execute(`PRAGMA busy_timeout = ${BUSY_MS}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

function migrate(database: Connection, migrations: readonly Migration[]): void {
  const hasMigrations =
    database.get("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'") !== undefined;
  const applied = hasMigrations
    ? database.all("SELECT version, checksum FROM schema_migrations ORDER BY version")
    : [];
  const newest = migrations.at(-1)?.version ?? 0;
  for (const { version, checksum } of applied) {
    const known = migrations.find((migration) => migration.version === version);
    if (known === undefined) {
      throw new StoreError(
        "newer",
        `${database.path} is of a newer llm-proxy (schema ${version}; this version knows ${newest}): use that ` +
          "version or a later one",
      );
    }
    if (checksumOf(known) !== checksum) {
      throw new StoreError(
        "corrupt",
        `the schema of ${database.path} does not match its version ${version}`,
      );
    }
  }
  const missing = migrations.slice(applied.length);
  if (missing.length === 0) return;
  if (applied.length === 0 && database.get("SELECT 1 FROM sqlite_master") !== undefined) {
    throw new StoreError("corrupt", `${database.path} is the database of another program. Use another file`);
  }
  database.transaction(() => {
    database.execute(`CREATE TABLE IF NOT EXISTS schema_migrations (
      version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT`);
    for (const migration of missing) {
      database.execute(migration.sql);
      database.run(
        "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
        migration.version,
        migration.name,
        checksumOf(migration),
        Date.now(),
      );
    }
  });
}

function checksumOf({ sql }: Migration): string {
  return sha256(new TextEncoder().encode(sql)).toHex();
}

/** Creates the file for its owner only. SQLite copies the permissions to its other files. */
function makePrivateFile(path: string): void {
  try {
    const folder = path.replace(/[^/\\]*$/, "");
    if (folder !== "" && !exists(folder)) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (exists(path)) return;
    Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
  } catch (error) {
    const reason = messageOf(error).replace(/ \(os error \d+\).*|,? run again with.*/s, "");
    throw new StoreError("failed", `the database ${path} cannot be created: ${reason}`, { cause: error });
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
