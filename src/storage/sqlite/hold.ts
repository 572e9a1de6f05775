/**
 * Which program has the database open, by a lock on the file `….db-lock` beside it. Programs that use the database
 * share the lock; the first of them, and a restore, hold it alone for a while.
 *
 * The lock is a separate file because SQLite locks the database by `fcntl`, and closing any handle of the database would
 * take those locks away (sqlite.org/howtocorrupt.html, section 2.2).
 */

import { StoreError } from "../store.ts";

/** For how long a program waits for another one that holds the database alone. */
const WAIT_MS = 2_000;
const STEP_MS = 20;
/** More than two identities take. */
const MOST_BYTES = 64;

/** A lock that is held until it is released. */
export interface Hold {
  /** No other program has the database open. */
  readonly isAlone: boolean;
  /** Identities that the database file may have, written by {@link Hold.writeIdentities}; undefined: nobody wrote any. */
  readonly readIdentities: () => readonly number[] | undefined;
  /** Only for the program that is alone. */
  readonly writeIdentities: (identities: readonly number[]) => void;
  /** Lets other programs open the database too. Throws a {@link StoreError} where a restore came between. */
  readonly share: () => void;
  readonly release: () => void;
}

/** File systems without locks. SQLite's own locks do not hold there either. */
const NO_HOLD: Hold = {
  isAlone: false,
  readIdentities: () => undefined,
  writeIdentities: () => {},
  share: () => {},
  release: () => {},
};

/** Takes the lock: alone where nobody else has it, else shared. Throws a {@link StoreError} where a restore runs. */
export async function holdDatabase(path: string): Promise<Hold> {
  const file = openLock(path);
  if (file === undefined) return NO_HOLD;
  try {
    for (let waitedMs = 0;; waitedMs += STEP_MS) {
      if (file.tryLockSync(true)) return holdOf(file, { path, isAlone: true });
      if (file.tryLockSync(false)) return holdOf(file, { path, isAlone: false });
      if (waitedMs >= WAIT_MS) throw restoring(path);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  } catch (error) {
    file.close();
    if (error instanceof StoreError) throw error;
    return NO_HOLD;
  }
}

/**
 * Takes the lock alone; undefined: another program has the database open. Throws a {@link StoreError} where that cannot
 * be found out.
 */
export function holdAlone(path: string): Hold | undefined {
  const file = openLock(path);
  try {
    if (file?.tryLockSync(true)) return holdOf(file, { path, isAlone: true });
  } catch {
    file?.close();
    throw new StoreError(
      "failed",
      `this file system has no locks: ${path}-lock cannot show whether a proxy runs`,
    );
  }
  file?.close();
  if (file !== undefined) return undefined;
  throw new StoreError("readonly", `${path}-lock cannot be written`);
}

function holdOf(file: Deno.FsFile, { path, isAlone }: { path: string; isAlone: boolean }): Hold {
  return {
    isAlone,
    readIdentities() {
      const bytes = new Uint8Array(MOST_BYTES);
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
      // Windows cannot turn one kind of lock into the other.
      file.unlockSync();
      if (!file.tryLockSync(false)) throw restoring(path);
    },
    release: () => file.close(),
  };
}

function openLock(path: string): Deno.FsFile | undefined {
  if (isLink(`${path}-lock`)) {
    throw new StoreError("failed", `${path}-lock is a symbolic link, which the proxy never makes: remove it`);
  }
  try {
    return Deno.openSync(`${path}-lock`, { read: true, write: true, create: true, mode: 0o600 });
  } catch {
    // The database cannot be written either, and says so in better words.
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
  return new StoreError("busy", `${path} is being restored by another program: try again when it has ended`);
}
