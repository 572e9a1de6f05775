/** Restores the database from a backup. */

import { folderOf, keyFileOf, sqlitePath } from "./open.ts";
import { isKeyOfStore, KEY_CHECK, readKeyFile } from "./open_box.ts";
import { lockExclusively, realPath } from "./sqlite/lock.ts";
import { makePrivateFolder } from "./sqlite/open_locked.ts";
import { remove, replaceDatabase, type Replacement } from "./sqlite/restore_files.ts";
import { removeStaged, stageCopy, type StagedCopy } from "./sqlite/stage_copy.ts";
import { StoreError } from "./store.ts";

/** The options of {@link restoreStore}. */
export interface RestoreOptions {
  /** The path of the backup. The restore does not change it. */
  readonly file: string;
  /** The path of the key file of the backup; `undefined` for the key file beside the database. */
  readonly keyFile: string | undefined;
  /** The key of the configuration (`ENCRYPTION_KEY`); `undefined` if none is configured. */
  readonly encryptionKey: Uint8Array<ArrayBuffer> | undefined;
  /** The time, for the names of the replaced files. */
  readonly now: Date;
  /** Called before the check of the copy, which blocks the thread. */
  readonly onCopied?: () => void;
}

/** The files that a restore replaced, and the time of the restored state. */
export interface Restored {
  /** The paths of the replaced files, under their new names. */
  readonly kept: readonly string[];
  /**
   * The time of the last change in the backup, in milliseconds since 1970; `undefined` if the backup is
   * empty.
   */
  readonly lastChangeAt: number | undefined;
}

/**
 * Checks the backup, renames the files of the database, and puts the copy in their place. Throws a
 * {@link StoreError} before any change if the backup or its key is wrong, or if a program has the database
 * open.
 */
export async function restoreStore(url: string, options: RestoreOptions): Promise<Restored> {
  const { file } = options;
  const keyFile = keyFileOf(url);
  if (keyFile === undefined) {
    throw new StoreError(
      "failed",
      "the database is PostgreSQL: restore it with pg_restore or psql, while no proxy runs",
    );
  }
  makePrivateFolder(folderOf(url));
  const path = realPath(sqlitePath(url));
  checkFile(file, path);
  const lock = lockExclusively(path);
  if (lock === undefined) {
    throw new StoreError("busy", `${path} is in use: stop the proxy and other llm-proxy commands first`);
  }
  const incomingKey = `${keyFile}-restored`;
  try {
    const copy = await stageCopy(file, path, options);
    const replacements = await stageKey(copy, { ...options, to: keyFile, incomingKey });
    const kept = replaceDatabase(path, { now: options.now, replacements });
    // The new file has no log yet, so its identity is the only one that fits.
    lock.writeIdentities([copy.identity]);
    return { kept, lastChangeAt: copy.lastChangeAt };
  } finally {
    removeStaged(path);
    remove(incomingKey);
    lock.release();
  }
}

function checkFile(file: string, path: string): void {
  const found = statOf(file);
  if (found === undefined) throw new StoreError("failed", `there is no file ${file}`);
  if (!found.isFile) throw new StoreError("failed", `${file} is not a file`);
  const database = statOf(path);
  if (
    database !== undefined && database.dev === found.dev && database.ino === found.ino && found.ino !== null
  ) {
    throw new StoreError("failed", `${file} is the database itself. Name a backup`);
  }
  if ((statOf(`${file}-wal`)?.size ?? 0) > 0) {
    throw new StoreError(
      "failed",
      `${file} is an incomplete copy: a part of it is in ${file}-wal. To merge both, run ` +
        `DATABASE_URL=sqlite:${file} llm-proxy project list. Then restore again`,
    );
  }
}

/**
 * Checks that a key opens the provider keys of the copy, and stages the key file if it has to be replaced.
 */
async function stageKey(
  copy: StagedCopy,
  { file, keyFile, encryptionKey, to, incomingKey }: RestoreOptions & { to: string; incomingKey: string },
): Promise<Replacement[]> {
  const note = copy.note(KEY_CHECK);
  const given = keyFile === undefined ? undefined : readKeyFile(keyFile);
  if (keyFile !== undefined && given === undefined) {
    throw new StoreError("failed", `there is no key file ${keyFile}`);
  }
  if (note === undefined) return [];
  const opens = async (key: Uint8Array<ArrayBuffer> | undefined) =>
    key !== undefined && await isKeyOfStore(key, note);
  if (encryptionKey !== undefined) {
    if (await opens(encryptionKey)) return [];
    throw new StoreError(
      "failed",
      `ENCRYPTION_KEY is not the key that encrypted the provider keys in ${file}`,
    );
  }
  if (given === undefined) {
    if (await opens(readKeyFile(to))) return [];
    throw new StoreError(
      "failed",
      `${to} does not hold the key that encrypted the provider keys in ${file}: name the key file ` +
        "with --key-file, or set ENCRYPTION_KEY",
    );
  }
  if (!await opens(given)) {
    throw new StoreError("failed", `${keyFile} is not the key file of ${file}`);
  }
  if (readKeyFile(to)?.toBase64() === given.toBase64()) return [];
  remove(incomingKey);
  Deno.writeTextFileSync(incomingKey, `${given.toBase64()}\n`, { mode: 0o600, createNew: true });
  return [{ from: incomingKey, to }];
}

function statOf(file: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(file);
  } catch {
    return undefined;
  }
}
