/** Puts a backup in the place of the database. */

import { folderOf, keyFileOf, sqlitePath } from "./open.ts";
import { KEY_CHECK, readKeyFile, sealsKeys } from "./open_box.ts";
import { holdAlone } from "./sqlite/hold.ts";
import { makePrivateFolder, realPath } from "./sqlite/open_held.ts";
import { remove, replaceDatabase, type Replacement } from "./sqlite/restore_files.ts";
import { removeStaged, stageCopy, type StagedCopy } from "./sqlite/stage_copy.ts";
import { StoreError } from "./store.ts";

/** What is restored, and with which key. */
export interface RestoreOptions {
  /** The backup; it stays where it is. */
  readonly file: string;
  /** The key file that belongs to it, where it is not the one beside the database. */
  readonly keyFile: string | undefined;
  /** The key of the configuration. */
  readonly encryptionKey: Uint8Array<ArrayBuffer> | undefined;
  readonly now: Date;
  /** Called when the copy is to be checked, which keeps the thread to itself. */
  readonly onCopied?: () => void;
}

/** What a restore did. */
export interface Restored {
  /** The files that were in the places of the new ones, under the names that they have now. */
  readonly kept: readonly string[];
  /** Milliseconds since 1970; undefined: the backup is empty. */
  readonly lastChangeAt: number | undefined;
}

/**
 * Checks the backup, keeps the files of the database under other names, and puts the backup in their place. Nothing is
 * changed where the backup or its key is wrong, or a program has the database open: throws a {@link StoreError} then.
 */
export async function restoreStore(url: string, options: RestoreOptions): Promise<Restored> {
  const { file } = options;
  makePrivateFolder(folderOf(url));
  const path = realPath(sqlitePath(url));
  checkFile(file, path);
  const hold = holdAlone(path);
  if (hold === undefined) {
    throw new StoreError("busy", `${path} is in use: stop the proxy and other llm-proxy commands first`);
  }
  const keyFile = keyFileOf(url);
  const incomingKey = `${keyFile}-restored`;
  try {
    const copy = await stageCopy(file, path, options);
    const replacements = await stageKey(copy, { ...options, to: keyFile, incomingKey });
    const kept = replaceDatabase(path, { now: options.now, replacements });
    // The new file has no log yet: it is the first of its kind.
    hold.writeIdentities([copy.identity]);
    return { kept, lastChangeAt: copy.lastChangeAt };
  } finally {
    removeStaged(path);
    remove(incomingKey);
    hold.release();
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
    throw new StoreError("failed", `${file} is the database itself: name a backup`);
  }
  if ((statOf(`${file}-wal`)?.size ?? 0) > 0) {
    throw new StoreError(
      "failed",
      `${file} is not a finished copy: a part of it is in ${file}-wal. To complete it, run ` +
        `DATABASE_URL=sqlite:${file} llm-proxy project list, which ends the log; then restore again`,
    );
  }
}

/** Finds the key that opens the provider keys in the copy; a key file that has to be put in place is made ready. */
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
    key !== undefined && await sealsKeys(key, note);
  if (encryptionKey !== undefined) {
    if (await opens(encryptionKey)) return [];
    throw new StoreError("failed", `ENCRYPTION_KEY is not the key that seals the provider keys in ${file}`);
  }
  if (given === undefined) {
    if (await opens(readKeyFile(to))) return [];
    throw new StoreError(
      "failed",
      `the key that seals the provider keys in ${file} is not in ${to}: name its file with --key-file, ` +
        "or set ENCRYPTION_KEY",
    );
  }
  if (!await opens(given)) {
    throw new StoreError("failed", `${keyFile} is not the key file that belongs to ${file}`);
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
