/**
 * Opens a database after the checks that protect it: the lock, an interrupted restore, and a foreign
 * write-ahead log (WAL).
 */

import { dirname } from "node:path";
import type { OpenOptions, Store } from "../store.ts";
import { Database } from "./database.ts";
import { type DatabaseLock, lockDatabase, lockExclusively, realPath } from "./lock.ts";
import { checkWal, renewIdentity } from "./identity.ts";
import { checkNoRestore } from "./restore_files.ts";
import { openSqlite } from "./sqlite.ts";

/**
 * Opens or creates the database, with its lock. Throws a `StoreError` if a restore runs or was interrupted,
 * if the write-ahead log belongs to another file, or if the database is damaged.
 */
export async function openLockedSqlite(path: string, options: OpenOptions): Promise<Store> {
  makePrivateFolder(dirname(path));
  path = realPath(path);
  const lock = await lockDatabase(path);
  try {
    checkNoRestore(path);
    checkWal(path, lock);
    return openSqlite(path, { ...options, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Opens or creates the database for this program alone. Returns `undefined` if another program has it open.
 * Throws a `StoreError`.
 */
export function openExclusively(path: string): { database: Database; lock: DatabaseLock } | undefined {
  makePrivateFolder(dirname(path));
  path = realPath(path);
  const lock = lockExclusively(path);
  if (lock === undefined) return undefined;
  try {
    checkNoRestore(path);
    checkWal(path, lock);
    const database = new Database(path);
    renewIdentity(database, lock);
    return { database, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Creates the folder of the database, for its owner only, if it does not exist. */
export function makePrivateFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // Opening the database gives a better error.
  }
}
