/**
 * Detects a write-ahead log (WAL, `….db-wal`) that belongs to another database file. SQLite would replay it
 * over the file, and damage the file.
 *
 * The identity of a file is a random number in its header (`application_id`). It changes each time a program
 * opens the database with an exclusive lock, and in every copy. The lock file holds the expected identity.
 */

import { StoreError } from "../store.ts";
import type { DatabaseLock } from "./lock.ts";

// See sqlite.org/fileformat.html, sections 1.3 and 4.1.
const HEADER_BYTES = 100;
const IDENTITY_OFFSET = 68;
const LOG_HEADER_BYTES = 32;

/** The part of an open database that changes its identity. */
export interface IdentifiedDatabase {
  /** Writes the identity into the header of the file. */
  readonly identify: (identity: number) => void;
  /** Moves the log into the database file. Returns false if another program prevented a part of it. */
  readonly checkpoint: () => boolean;
}

/**
 * Checks that the write-ahead log (WAL) belongs to the database. Throws a {@link StoreError} if SQLite would
 * replay the log of another file. Changes nothing.
 */
export function checkWal(path: string, lock: DatabaseLock): void {
  if (!lock.isExclusive || sizeOf(`${path}-wal`) <= LOG_HEADER_BYTES) return;
  if (sizeOf(path) === 0) {
    throw new StoreError(
      "corrupt",
      `${path} is missing or empty, but its log ${path}-wal exists. Put the database back beside its log, ` +
        `or restore a backup with: llm-proxy restore FILE`,
    );
  }
  const expected = lock.readIdentities();
  if (expected === undefined || expected.includes(identityOf(path))) return;
  throw new StoreError(
    "corrupt",
    `${path} was replaced, but the log ${path}-wal belongs to the previous file. Using both would damage ` +
      `the database. To use a backup, run: llm-proxy restore FILE (it keeps the present files). ` +
      `If you copied the database here together with its log, remove ${path}-lock and start again`,
  );
}

/**
 * Gives the file a new identity, so that earlier copies have another one. Does nothing with a shared lock.
 */
export function renewIdentity(database: IdentifiedDatabase, lock: DatabaseLock): void {
  if (!lock.isExclusive) return;
  const identity = randomIdentity();
  // After a crash at any point, the file has one of the two.
  lock.writeIdentities([...(lock.readIdentities() ?? []).slice(-1), identity]);
  database.identify(identity);
  if (database.checkpoint()) lock.writeIdentities([identity]);
}

/** Makes a random identity. It is never 0, which is the value in files of other programs. */
export function randomIdentity(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return (bits & 0x7fff_ffff) || 1;
}

/** Reads the identity of a file. Requires an exclusive lock: `lock.ts` says what closing a handle does. */
function identityOf(path: string): number {
  const header = new Uint8Array(HEADER_BYTES);
  using file = Deno.openSync(path);
  file.readSync(header);
  return new DataView(header.buffer).getInt32(IDENTITY_OFFSET);
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
