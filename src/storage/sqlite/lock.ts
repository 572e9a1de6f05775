/**
 * The lock of a database: a file `….db-lock` beside it. Programs that have the database open share the lock.
 * The first program locks it exclusively while it opens the database, and a restore locks it exclusively
 * until it ends.
 *
 * The lock is a separate file because SQLite locks the database with `fcntl`, and closing any handle of the
 * database file would drop those locks (sqlite.org/howtocorrupt.html, section 2.2).
 */

import { StoreError } from "../store.ts";

/** How long a program waits for an exclusive lock of another program. */
const WAIT_MS = 2_000;
const STEP_MS = 20;
/** The most bytes to read of the file. Two identities need fewer. */
const MAX_BYTES = 64;

/** An acquired lock of a database. */
export interface DatabaseLock {
  /** Whether the lock was acquired exclusively: no other program had the database open. */
  readonly isExclusive: boolean;
  /** Reads the identities that the database file may have. Returns `undefined` if the lock file has none. */
  readonly readIdentities: () => readonly number[] | undefined;
  /** Writes the identities that the database file may have. Requires an exclusive lock. */
  readonly writeIdentities: (identities: readonly number[]) => void;
  /**
   * Turns an exclusive lock into a shared one. Throws a {@link StoreError} if a restore acquired the lock
   * between the two steps.
   */
  readonly share: () => void;
  /** Releases the lock. Other programs can then acquire it exclusively. */
  readonly release: () => void;
}

/** The lock on a file system without locks. SQLite's own locks do not work there either. */
const NO_LOCK: DatabaseLock = {
  isExclusive: false,
  readIdentities: () => undefined,
  writeIdentities: () => {},
  share: () => {},
  release: () => {},
};

/**
 * Acquires the lock: exclusively if no other program has it, else shared. Throws a {@link StoreError} if a
 * restore runs.
 */
export async function lockDatabase(path: string): Promise<DatabaseLock> {
  path = realPath(path);
  const file = openLockFile(path);
  if (file === undefined) return NO_LOCK;
  try {
    for (let waitedMs = 0;; waitedMs += STEP_MS) {
      if (file.tryLockSync(true)) return lockOf(file, { path, isExclusive: true });
      if (file.tryLockSync(false)) return lockOf(file, { path, isExclusive: false });
      if (waitedMs >= WAIT_MS) throw restoring(path);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  } catch (error) {
    file.close();
    if (error instanceof StoreError) throw error;
    return NO_LOCK;
  }
}

/**
 * Acquires the lock exclusively. Returns `undefined` if another program has the database open. Throws a
 * {@link StoreError} if the file system has no locks, or if the lock file cannot be written.
 */
export function lockExclusively(path: string): DatabaseLock | undefined {
  path = realPath(path);
  const file = openLockFile(path);
  try {
    if (file?.tryLockSync(true)) return lockOf(file, { path, isExclusive: true });
  } catch {
    file?.close();
    throw new StoreError(
      "failed",
      `this file system has no locks, so ${path}-lock cannot show whether a proxy runs`,
    );
  }
  file?.close();
  if (file !== undefined) return undefined;
  throw new StoreError("readonly", `${path}-lock cannot be written`);
}

function lockOf(
  file: Deno.FsFile,
  { path, isExclusive }: { path: string; isExclusive: boolean },
): DatabaseLock {
  return {
    isExclusive,
    readIdentities() {
      const bytes = new Uint8Array(MAX_BYTES);
      file.seekSync(0, Deno.SeekMode.Start);
      const count = file.readSync(bytes) ?? 0;
      const words = new TextDecoder().decode(bytes.subarray(0, count)).split("\n").filter((word) =>
        word !== ""
      );
      const identities = words.map(Number).filter(Number.isInteger);
      return identities.length === 0 ? undefined : identities;
    },
    writeIdentities(identities) {
      file.seekSync(0, Deno.SeekMode.Start);
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(identities.map((identity) => `${identity}\n`).join("")));
      file.syncDataSync();
    },
    share() {
      // Windows cannot convert a lock.
      file.unlockSync();
      if (!file.tryLockSync(false)) throw restoring(path);
    },
    release: () => file.close(),
  };
}

function openLockFile(path: string): Deno.FsFile | undefined {
  if (isLink(`${path}-lock`)) {
    throw new StoreError("failed", `${path}-lock is a symbolic link. The proxy never creates one: remove it`);
  }
  try {
    return Deno.openSync(`${path}-lock`, { read: true, write: true, create: true, mode: 0o600 });
  } catch {
    // The database cannot be written either, and its error is clearer.
    return undefined;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

function restoring(path: string): StoreError {
  return new StoreError("busy", `another program is restoring ${path}: try again when it is done`);
}

/** Resolves symbolic links. SQLite does so too, and keeps the log and the lock beside the real file. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
