/** Replaces the files of a database. The order of the steps makes a crash between any two of them safe. */

import { dirname } from "node:path";
import { StoreError } from "../store.ts";

/** Throws a {@link StoreError} if a restore was interrupted. Files of two databases may be mixed then. */
export function checkNoRestore(path: string): void {
  let isInterrupted = false;
  try {
    isInterrupted = exists(markerOf(path));
  } catch {
    // The folder cannot be read. Opening the database gives a better error.
  }
  if (!isInterrupted) return;
  throw new StoreError("corrupt", `a restore of ${path} was interrupted: run llm-proxy restore FILE again`);
}

/** The path of the copy while it is checked, before it replaces the database. */
export function stagedPath(path: string): string {
  return `${path}-restored`;
}

/** A file that replaces another one. */
export interface Replacement {
  /** The path of the new file. The file is renamed to `to`. */
  readonly from: string;
  /** The path of the file to replace. */
  readonly to: string;
}

/**
 * Replaces the database by the checked copy, and keeps the replaced files under new names. `replacements` are
 * further files, such as the key file. Returns the new names of the replaced files. After a crash between two
 * steps, a marker prevents that the database is opened until the restore runs again.
 */
export function replaceDatabase(
  path: string,
  { now, replacements }: { now: Date; replacements: readonly Replacement[] },
): string[] {
  const marker = markerOf(path);
  const stamp = now.toISOString().replace(/[-:.]/g, "");
  const interrupted = readText(marker);
  // An interrupted restore renamed some of the files. The others get the same suffix.
  const suffix = interrupted !== undefined && !(exists(path) && exists(`${path}${interrupted}`))
    ? interrupted
    : `.before-restore-${stamp}`;
  writeSynced(marker, suffix);
  syncFolder(path);
  const kept = [
    renameExisting(path, `${path}${suffix}`),
    // SQLite finds the log of a renamed database by this name.
    renameExisting(`${path}-wal`, `${path}${suffix}-wal`),
  ];
  remove(`${path}-shm`);
  for (const { from, to } of replacements) {
    kept.push(renameExisting(to, `${to}${suffix}`));
    Deno.renameSync(from, to);
  }
  Deno.renameSync(stagedPath(path), path);
  syncFolder(path);
  remove(marker);
  return kept.filter((file) => file !== undefined);
}

function markerOf(path: string): string {
  return `${path}-restoring`;
}

function renameExisting(file: string, to: string): string | undefined {
  if (!exists(file)) return undefined;
  Deno.renameSync(file, to);
  return to;
}

/** Removes a file that may be absent. */
export function remove(file: string): void {
  try {
    Deno.removeSync(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function writeSynced(file: string, text: string): void {
  using open = Deno.openSync(file, { write: true, create: true, truncate: true, mode: 0o600 });
  open.writeSync(new TextEncoder().encode(text));
  open.syncSync();
}

/** Syncs the entries of the folder to disk, if the system can. */
function syncFolder(path: string): void {
  try {
    using folder = Deno.openSync(dirname(path));
    folder.syncSync();
  } catch {
    // Windows cannot open folders.
  }
}

function readText(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
