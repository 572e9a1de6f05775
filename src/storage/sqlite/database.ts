/** A SQLite database: opening it, bringing it up to date, and its failures in plain words. */

import { sha256 } from "@noble/hashes/sha2.js";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { type Migration, MIGRATIONS } from "./migrations.ts";
import { messageOf } from "../../text/error_text.ts";

/** How long the start waits for another program's transaction. */
const BUSY_AT_START_MS = 2_000;
/** And how long later: the program does nothing else meanwhile, and what fails is tried again. */
const BUSY_MS = 100;

/** A row as the library gives it. */
export type Row = Record<string, unknown>;

/** An open database with prepared statements. */
export class Database {
  readonly path: string;
  readonly #database: DatabaseSync;
  /** Which file it is: its name can come to stand for another one. */
  readonly #file: string | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or creates it and applies what is missing of the schema. Throws a {@link StoreError}. */
  constructor(path: string, migrations: readonly Migration[] = MIGRATIONS) {
    this.path = path;
    makePrivateFile(path);
    this.#database = asStoreError(path, () => new DatabaseSync(path));
    this.#file = fileAt(path);
    try {
      asStoreError(path, () => {
        this.#database.exec(`PRAGMA busy_timeout = ${BUSY_AT_START_MS}`);
        // Of what is committed, a crash of the program loses nothing; one of the machine, the last moments.
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

  /** Runs a statement. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number } {
    return this.#guarded(() => {
      const { changes } = this.prepared(sql).run(...values);
      return { changes: Number(changes) };
    });
  }

  /** The first row. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.prepared(sql).get(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.prepared(sql).all(...values));
  }

  /** All of it or nothing. */
  transaction<Result>(work: () => Result): Result {
    return this.#guarded(() => {
      this.#checkFile();
      // At once for writing: a read that becomes a write could be refused half way.
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        try {
          this.#database.exec("ROLLBACK");
        } catch {
          // Some failures end the transaction by themselves; the one that matters is the first.
        }
        throw error;
      }
    });
  }

  /** Writes a number into the header of the file, by which it is told from other files: see `identity.ts`. */
  identify(identity: number): void {
    this.#guarded(() => this.#database.exec(`PRAGMA application_id = ${identity}`));
  }

  /** Brings everything from the log into the file; whether all of it is there now. */
  checkpoint(): boolean {
    return this.get("PRAGMA wal_checkpoint(TRUNCATE)")?.["busy"] === 0;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** A statement for many runs within a {@link transaction}, which puts its failures into words. */
  prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  /** What is written to a file that has lost its name is lost with it, and SQLite does not mind. */
  #checkFile(): void {
    if (fileAt(this.path) === this.#file) return;
    throw new StoreError(
      "moved",
      `${this.path} is gone, or another file than the one that was opened: put that one back, or start again`,
    );
  }

  #guarded<Result>(work: () => Result): Result {
    return asStoreError(this.path, work);
  }

  #migrate(migrations: readonly Migration[]): void {
    const isChecked = this.get("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'") !== undefined;
    const applied = isChecked
      ? this.all("SELECT version, checksum FROM schema_migrations ORDER BY version")
      : [];
    const newest = migrations.at(-1)?.version ?? 0;
    for (const { version, checksum } of applied) {
      const known = migrations.find((migration) => migration.version === version);
      if (known === undefined) {
        throw new StoreError(
          "newer",
          `${this.path} is of a newer llm-proxy (schema ${version}, this one knows ${newest}): use that one or later`,
        );
      }
      if (checksumOf(known) !== checksum) {
        throw new StoreError(
          "corrupt",
          `${this.path} has another schema than its version ${version} should have`,
        );
      }
    }
    const missing = migrations.slice(applied.length);
    if (missing.length === 0) return;
    if (applied.length === 0 && this.get("SELECT 1 FROM sqlite_master") !== undefined) {
      throw new StoreError("corrupt", `${this.path} is the database of another program: name another file`);
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

/** SQLite gives its further files the rights of the first. */
function makePrivateFile(path: string): void {
  try {
    const folder = path.replace(/[^/\\]*$/, "");
    if (folder !== "" && !exists(folder)) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (exists(path)) return;
    Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
  } catch (error) {
    const reason = messageOf(error).replace(/ \(os error \d+\).*|,? run again with.*/s, "");
    throw new StoreError("failed", `the database ${path} cannot be made: ${reason}`, { cause: error });
  }
}

/** Tells a file from every other one; undefined where there is none to be seen. */
function fileAt(path: string): string | undefined {
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

/** The library tells its failures apart by their texts alone. */
const FAILURES:
  readonly (readonly [sign: RegExp, kind: StoreError["kind"], words: (path: string) => string])[] = [
    [/UNIQUE constraint/, "taken", () => "that name is taken"],
    [
      /database (?:table )?is locked|database is busy/,
      "busy",
      (path) => `${path} is locked by another program`,
    ],
    [/disk is full/, "full", (path) => `there is no space left for ${path}`],
    [/readonly database|unable to open database/, "readonly", (path) => `${path} cannot be written`],
    [/disk I\/O error/, "unwell", (path) => `${path} cannot be read or written (disk I/O error)`],
    [
      // A table that is gone was taken by another program: no exchange is to blame for that.
      /not a database|malformed|no such table/,
      "corrupt",
      (path) => `${path} is damaged or no database; to go back to a backup: llm-proxy restore FILE`,
    ],
  ];

/** Runs work that uses SQLite, and maps an error of the library to a {@link StoreError} with a clear message. */
export function asStoreError<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const message = messageOf(error);
    for (const [sign, kind, words] of FAILURES) {
      if (sign.test(message)) throw new StoreError(kind, words(path), { cause: error });
    }
    throw new StoreError("failed", `the database ${path} failed: ${message}`, { cause: error });
  }
}
