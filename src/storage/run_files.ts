/**
 * Run files: `….db-run-ID` beside a database, or in the folder `data` for PostgreSQL. Each proxy has one
 * while it runs. The file says how commands reach the proxy, and only the account of the proxy can write or
 * read it.
 *
 * The proxy keeps a shared lock on its file, and the system releases the lock when the process ends, however
 * it ends. A file that can be locked exclusively is therefore stale.
 */

import { basename, dirname, join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { isPostgresUrl, LOCAL_FOLDER } from "../network/postgres_url.ts";
import { shownDatabase, sqlitePath } from "./open.ts";
import { realPath } from "./sqlite/lock.ts";
import { makePrivateFolder } from "./sqlite/open_locked.ts";
import { StoreError } from "./store.ts";

/** The longest text of a run file, in bytes. */
const MAX_BYTES = 256 * 1024;
const ROOT_UID = 0;

/** A run file that was read. Its text says how commands reach the proxy. */
export interface RunFile {
  readonly path: string;
  /** When the proxy wrote the file, in milliseconds since 1970. */
  readonly writtenAtMs: number;
  readonly text: string;
}

/** The run file of this process. */
export interface OwnRunFile {
  /** Removes the file. Further calls do nothing. */
  readonly remove: () => void;
}

/**
 * Writes the run file of this process, and removes stale ones. Throws a {@link StoreError} if the file cannot
 * be created.
 */
export function writeRunFile(databaseUrl: string, text: string): OwnRunFile {
  const database = placeOf(databaseUrl);
  // The folder of a SQLite database exists with the database.
  if (isPostgresUrl(databaseUrl)) makePrivateFolder(dirname(database));
  const path = `${database}-run-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;
  // The file gets its name when it is complete and locked.
  const unfinished = `${path}.new`;
  let file: Deno.FsFile | undefined;
  try {
    for (const { path } of list(database)) removeIfStale(path);
    Deno.writeTextFileSync(unfinished, text, { createNew: true, mode: 0o600 });
    file = Deno.openSync(unfinished);
    tryLock(file, { exclusive: false });
    Deno.renameSync(unfinished, path);
  } catch (error) {
    file?.close();
    removeQuietly(unfinished);
    throw new StoreError("failed", `${path} cannot be created`, { cause: error });
  }
  return {
    remove() {
      removeQuietly(path);
      file?.close();
      file = undefined;
    },
  };
}

/**
 * Reads the run files of the proxies that have a database open, the newest first. On a file system without
 * locks, files of proxies that were killed are among them. Throws a {@link StoreError} if a file cannot be
 * read, or if neither the owner of the database nor root owns it.
 */
export function readRunFiles(databaseUrl: string): RunFile[] {
  const database = placeOf(databaseUrl);
  const files = list(database).map(({ path, owner }) => readRunFile(path, owner));
  return files.filter((file) => file !== undefined).sort((one, other) => other.writtenAtMs - one.writtenAtMs);
}

/** The path that the paths of run files begin with. That of a PostgreSQL database names no file. */
function placeOf(databaseUrl: string): string {
  if (!isPostgresUrl(databaseUrl)) return realPath(sqlitePath(databaseUrl));
  const digest = sha256(new TextEncoder().encode(shownDatabase(databaseUrl))).toHex();
  return join(LOCAL_FOLDER, `postgres-${digest.slice(0, 8)}`);
}

/** The run files of a database, and the account that owns the database. The account is null on Windows. */
function list(database: string): { path: string; owner: number | null }[] {
  const folder = dirname(database);
  const start = `${basename(database)}-run-`;
  const isRunFile = (name: string): boolean =>
    name.startsWith(start) && /^[0-9a-f]+$/.test(name.slice(start.length));
  try {
    const { uid: owner } = statOf(database) ?? Deno.statSync(folder);
    return [...Deno.readDirSync(folder)].filter(({ name }) => isRunFile(name))
      .map(({ name }) => ({ path: join(folder, name), owner }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new StoreError("failed", `${folder} cannot be read`, { cause: error });
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a run file. Returns `undefined` if it is stale, or its proxy has removed it. */
function readRunFile(path: string, owner: number | null): RunFile | undefined {
  try {
    checkOwner(path, Deno.lstatSync(path), owner);
    using file = Deno.openSync(path);
    const opened = file.statSync();
    checkOwner(path, opened, owner);
    if (tryLock(file, { exclusive: true }) === true) return undefined;
    const bytes = new Uint8Array(Math.min(opened.size, MAX_BYTES));
    const count = file.readSync(bytes) ?? 0;
    return {
      path,
      writtenAtMs: opened.mtime?.getTime() ?? 0,
      text: new TextDecoder().decode(bytes.subarray(0, count)),
    };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new StoreError("failed", `${path} cannot be read`, { cause: error });
  }
}

/** Throws a {@link StoreError} for a link, for what is no file, and for a file of another account. */
function checkOwner(path: string, { isFile, uid }: Deno.FileInfo, owner: number | null): void {
  if (!isFile) {
    throw new StoreError("failed", `${path} is not a file. The proxy did not create it: remove it`);
  }
  if (uid === owner || uid === ROOT_UID) return;
  throw new StoreError(
    "failed",
    `${path} does not belong to the owner of the database. Remove it if the proxy does not run as user ${uid}`,
  );
}

/** Whether the lock was acquired; `undefined` if the file system has no locks. */
function tryLock(file: Deno.FsFile, { exclusive }: { exclusive: boolean }): boolean | undefined {
  try {
    return file.tryLockSync(exclusive);
  } catch {
    return undefined;
  }
}

function removeIfStale(path: string): void {
  try {
    if (!Deno.lstatSync(path).isFile) return;
    using file = Deno.openSync(path);
    if (tryLock(file, { exclusive: true }) === true) Deno.removeSync(path);
  } catch {
    // Another account owns the file, or another start has removed it.
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The file is already gone. A stale one is harmless.
  }
}
