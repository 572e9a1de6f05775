/**
 * Runs the operations of a store: on the connection of the caller's thread, or on threads of the database.
 */

import type { Database } from "./database.ts";
import { DatabaseThread } from "./database_thread.ts";
import type { DatabaseLock } from "./lock.ts";
import { type ArgumentsOf, type READS, type ResultOf, runOperation, type WRITES } from "./operations.ts";

/**
 * How long a thread waits for a transaction of another program, in milliseconds. Requests do not wait for it.
 */
const THREAD_BUSY_MS = 1_000;
/** How long {@link OperationRunner.close} waits for the read that runs, in milliseconds. */
const LAST_READ_MS = 3_000;

/**
 * The connection of the caller's thread, a thread that writes, and a thread that reads. With `usesThreads`,
 * the first exchange starts the thread that writes, and the first long read the other one: each takes memory.
 */
export class OperationRunner {
  readonly database: Database;
  readonly usesThreads: boolean;
  readonly #lock: DatabaseLock | undefined;
  readonly #writer: DatabaseThread;
  readonly #reader: DatabaseThread;
  /** Whether the thread does all writes. Two connections that write would wait for each other. */
  #writesOnThread = false;
  #isClosed = false;

  /** {@link close} releases the lock. */
  constructor(
    database: Database,
    { usesThreads, lock }: { usesThreads: boolean; lock: DatabaseLock | undefined },
  ) {
    const file = { path: database.path, inode: database.inode, busyMs: THREAD_BUSY_MS };
    this.database = database;
    this.usesThreads = usesThreads;
    this.#lock = lock;
    this.#writer = new DatabaseThread(file, "database");
    this.#reader = new DatabaseThread({ ...file, isReadOnly: true }, "database reads");
  }

  /** Whether {@link close} was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Does short work at once. The port is asynchronous because other databases are. */
  now<Result>(work: (database: Database) => Result): Promise<Result> {
    return new Promise((resolve) => resolve(work(this.database)));
  }

  /** Runs an operation that reads for long. */
  async read<Name extends keyof typeof READS>(
    name: Name,
    ...args: ArgumentsOf<Name>
  ): Promise<ResultOf<Name>> {
    return this.usesThreads ? await this.#reader.run(name, args) : runOperation(this.database, name, args);
  }

  /** Runs an operation that writes. */
  async write<Name extends keyof typeof WRITES>(
    name: Name,
    ...args: ArgumentsOf<Name>
  ): Promise<ResultOf<Name>> {
    return this.#writesOnThread
      ? await this.#writer.run(name, args)
      : runOperation(this.database, name, args);
  }

  /** Lets a thread do all writes from now on. */
  writeOnThread(): void {
    this.#writesOnThread = true;
  }

  /**
   * Completes the writes that were called, and closes the connection. Reads that run reject. If no thread
   * runs, the connection is closed and the lock released when the call returns.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { isRunning } = this.#reader;
    const ended = this.#reader.abandon(LAST_READ_MS);
    try {
      if (this.#writesOnThread) await this.#writer.close();
      // The connection that is closed last moves the write-ahead log into the file, and must be able to
      // write.
      if (isRunning) await ended;
    } finally {
      this.database.close();
      this.#lock?.release();
    }
  }
}
