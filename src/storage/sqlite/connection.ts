/** A connection to a SQLite database file: statements, transactions, and errors for users. */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { messageOf } from "../../text/error_text.ts";
import type { Row } from "../rows/row.ts";
import { StoreError } from "../store.ts";
import type { IdentifiedDatabase } from "./identity.ts";

/** How {@link Connection} opens the file. */
export interface ConnectionOptions {
  /**
   * How long a statement waits for a transaction of another connection, in milliseconds. It blocks the
   * thread.
   */
  readonly busyMs: number;
  /** The device and inode that the file must have; `undefined` for those that it has now. */
  readonly inode?: string | undefined;
  readonly isReadOnly?: boolean;
}

/** An open database file with prepared statements. */
export class Connection implements IdentifiedDatabase {
  /** The path of the file. */
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #inode: string | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the file, which exists. Throws a {@link StoreError} if it cannot be opened, or if the path names
   * another file than the one of `inode`.
   */
  constructor(path: string, { busyMs, inode, isReadOnly = false }: ConnectionOptions) {
    this.path = path;
    this.#inode = inode ?? inodeAt(path);
    this.#checkFile();
    this.#database = asStoreError(path, () => new DatabaseSync(path, { readOnly: isReadOnly }));
    try {
      asStoreError(path, () => {
        this.#database.exec(`PRAGMA busy_timeout = ${busyMs}`);
        // A crash of the program loses no commit. A crash of the machine loses the last moments.
        if (!isReadOnly) this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
        this.#database.exec("PRAGMA foreign_keys = ON");
      });
      this.#checkFile();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The device and inode of the opened file. The path can later name another file. */
  get inode(): string | undefined {
    return this.#inode;
  }

  /** Runs a statement. Gives the number of changed rows. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number } {
    return this.#mapErrors(() => {
      const { changes } = this.prepared(sql).run(...values);
      return { changes: Number(changes) };
    });
  }

  /** Gives the first row of a query. Returns `undefined` if the result is empty. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#mapErrors(() => this.prepared(sql).get(...values));
  }

  /** Gives all rows of a query. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#mapErrors(() => this.prepared(sql).all(...values));
  }

  /** Gives all rows of a query that is not run again. */
  allOnce(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#mapErrors(() => this.#database.prepare(sql).all(...values));
  }

  /** Runs work whose queries all see the same state of the database. */
  snapshot<Result>(work: () => Result): Result {
    return this.#mapErrors(() => {
      this.#database.exec("BEGIN");
      try {
        return work();
      } finally {
        this.#database.exec("ROLLBACK");
      }
    });
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

  /** Runs SQL of several statements, without values. */
  execute(sql: string): void {
    this.#mapErrors(() => this.#database.exec(sql));
  }

  /** Writes the identity into the header of the file: see `identity.ts`. */
  identify(identity: number): void {
    this.#mapErrors(() => this.#database.exec(`PRAGMA application_id = ${identity}`));
  }

  /** Moves the log into the database file. Returns `false` if another program prevented a part of it. */
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
}

/** The device and inode of a file; `undefined` if the file is missing or not visible. */
function inodeAt(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}/${ino}`;
  } catch {
    return undefined;
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
