/** A SQLite database file: opening, migration, statements, and errors for users. */

import { sha256 } from "@noble/hashes/sha2.js";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { type Migration, MIGRATIONS } from "./migrations.ts";
import { messageOf } from "../../text/error_text.ts";

/** How long the start waits for a transaction of another program. */
const BUSY_AT_START_MS = 2_000;
/** How long later statements wait for one. The wait blocks the thread, and the callers retry. */
const BUSY_MS = 100;

/** A row of a result, by column. */
export type Row = Record<string, unknown>;

/** An open database file with prepared statements. */
export class Database {
  /** The path of the file. */
  readonly path: string;
  readonly #database: DatabaseSync;
  /** The device and inode of the opened file. The path can later name another file. */
  readonly #inode: string | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or creates the file, and applies missing migrations. Throws a {@link StoreError}. */
  constructor(path: string, migrations: readonly Migration[] = MIGRATIONS) {
    this.path = path;
    makePrivateFile(path);
    this.#database = asStoreError(path, () => new DatabaseSync(path));
    this.#inode = inodeAt(path);
    try {
      asStoreError(path, () => {
        this.#database.exec(`PRAGMA busy_timeout = ${BUSY_AT_START_MS}`);
        // A crash of the program loses no commit. A crash of the machine loses the last moments.
        this.#database.exec(
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
        );
        this.#migrate(migrations);
        this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs a statement. Gives the number of changed rows. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number } {
    return this.#mapErrors(() => {
      const { changes } = this.prepared(sql).run(...values);
      return { changes: Number(changes) };
    });
  }

  /** Gives the first row of a query. Undefined: the result is empty. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#mapErrors(() => this.prepared(sql).get(...values));
  }

  /** Gives all rows of a query. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#mapErrors(() => this.prepared(sql).all(...values));
  }

  /** Runs work in a transaction. If the work throws, the transaction is rolled back. */
  transaction<Result>(work: () => Result): Result {
    return this.#mapErrors(() => {
      this.#checkFile();
      // IMMEDIATE takes the write lock first. A transaction that starts with a read can fail at its first
      // write.
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        try {
          this.#database.exec("ROLLBACK");
        } catch {
          // Some errors end the transaction themselves. The first error is the important one.
        }
        throw error;
      }
    });
  }

  /** Writes the identity into the header of the file: see `identity.ts`. */
  identify(identity: number): void {
    this.#mapErrors(() => this.#database.exec(`PRAGMA application_id = ${identity}`));
  }

  /** Moves the log into the database file. False: another program prevented a part of it. */
  checkpoint(): boolean {
    return this.get("PRAGMA wal_checkpoint(TRUNCATE)")?.["busy"] === 0;
  }

  /** Closes the file. A second call does nothing. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Gives a prepared statement, for many runs within a {@link transaction}, which maps its errors. */
  prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  /** Throws if the path names another file. SQLite would go on writing to the removed file. */
  #checkFile(): void {
    if (inodeAt(this.path) === this.#inode) return;
    throw new StoreError(
      "moved",
      `${this.path} was removed or replaced while it was open: put the file back, or restart the proxy`,
    );
  }

  #mapErrors<Result>(work: () => Result): Result {
    return asStoreError(this.path, work);
  }

  #migrate(migrations: readonly Migration[]): void {
    const hasMigrations =
      this.get("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'") !== undefined;
    const applied = hasMigrations
      ? this.all("SELECT version, checksum FROM schema_migrations ORDER BY version")
      : [];
    const newest = migrations.at(-1)?.version ?? 0;
    for (const { version, checksum } of applied) {
      const known = migrations.find((migration) => migration.version === version);
      if (known === undefined) {
        throw new StoreError(
          "newer",
          `${this.path} is of a newer llm-proxy (schema ${version}; this version knows ${newest}): use that ` +
            "version or a later one",
        );
      }
      if (checksumOf(known) !== checksum) {
        throw new StoreError(
          "corrupt",
          `the schema of ${this.path} does not match its version ${version}`,
        );
      }
    }
    const missing = migrations.slice(applied.length);
    if (missing.length === 0) return;
    if (applied.length === 0 && this.get("SELECT 1 FROM sqlite_master") !== undefined) {
      throw new StoreError("corrupt", `${this.path} is the database of another program. Use another file`);
    }
    this.transaction(() => {
      this.#database.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
      ) STRICT`);
      for (const migration of missing) {
        this.#database.exec(migration.sql);
        this.run(
          "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
          migration.version,
          migration.name,
          checksumOf(migration),
          Date.now(),
        );
      }
    });
  }
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

/** The device and inode of a file. Undefined: the file is missing or not visible. */
function inodeAt(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}/${ino}`;
  } catch {
    return undefined;
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

/** Errors of SQLite by their message. `node:sqlite` has no other distinction for all of them. */
const FAILURES:
  readonly (readonly [pattern: RegExp, kind: StoreError["kind"], message: (path: string) => string])[] = [
    [/UNIQUE constraint/, "taken", () => "the name is in use"],
    [
      /database (?:table )?is locked|database is busy/,
      "busy",
      (path) => `${path} is locked by another program`,
    ],
    [/disk is full/, "full", (path) => `no space is left for ${path}`],
    [/readonly database|unable to open database/, "readonly", (path) => `${path} cannot be written`],
    [/disk I\/O error/, "io_error", (path) => `${path} cannot be read or written (disk I/O error)`],
    [
      // If a table is missing, another program removed it. The exchanges to write are not at fault.
      /not a database|malformed|no such table/,
      "corrupt",
      (path) => `${path} is damaged or not a database. To use a backup, run: llm-proxy restore FILE`,
    ],
  ];

/**
 * Runs work that uses SQLite, and maps an error of the library to a {@link StoreError} with a clear message.
 */
export function asStoreError<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const message = messageOf(error);
    for (const [pattern, kind, text] of FAILURES) {
      if (pattern.test(message)) throw new StoreError(kind, text(path), { cause: error });
    }
    throw new StoreError("failed", `the database ${path} failed: ${message}`, { cause: error });
  }
}
