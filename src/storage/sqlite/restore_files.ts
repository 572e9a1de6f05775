/** The files of a database while a backup takes its place, and the order of the steps, of which each may be the last. */

import { dirname } from "node:path";
import { StoreError } from "../store.ts";

/** Throws a {@link StoreError} where a restore was interrupted: parts of two databases may be in place. */
export function checkNoRestore(path: string): void {
  let isInterrupted = false;
  try {
    isInterrupted = exists(markerOf(path));
  } catch {
    // A folder that cannot be looked into: opening the database says why.
  }
  if (!isInterrupted) return;
  throw new StoreError("corrupt", `a restore of ${path} was interrupted: run llm-proxy restore FILE again`);
}

/** Where the copy is put and checked before it takes the database's place. */
export function incomingOf(path: string): string {
  return `${path}-restored`;
}

/** Files that take the place of others. */
export interface Replacement {
  /** The new file; it is gone afterwards. */
  readonly from: string;
  readonly to: string;
}

/**
 * Puts a checked copy in the place of the database, and keeps what was there. `replacements` are further files that
 * come with the copy, like its key file. Gives the names of the files that were kept. A crash between two steps leaves a
 * marker, because of which the database is not opened until the restore has been run again.
 */
export function replaceDatabase(
  path: string,
  { now, replacements }: { now: Date; replacements: readonly Replacement[] },
): string[] {
  const marker = markerOf(path);
  const stamp = now.toISOString().replace(/[-:.]/g, "");
  const interrupted = readText(marker);
  // A restore that was interrupted has moved a part of the files already: the rest goes where they are.
  const suffix = interrupted !== undefined && !(exists(path) && exists(`${path}${interrupted}`))
    ? interrupted
    : `.before-restore-${stamp}`;
  writeSynced(marker, suffix);
  syncFolder(path);
  const kept = [
    moveAside(path, `${path}${suffix}`),
    // SQLite finds the log of a database by this name.
    moveAside(`${path}-wal`, `${path}${suffix}-wal`),
  ];
  remove(`${path}-shm`);
  for (const { from, to } of replacements) {
    kept.push(moveAside(to, `${to}${suffix}`));
    Deno.renameSync(from, to);
  }
  Deno.renameSync(incomingOf(path), path);
  syncFolder(path);
  remove(marker);
  return kept.filter((file) => file !== undefined);
}

function markerOf(path: string): string {
  return `${path}-restoring`;
}

function moveAside(file: string, to: string): string | undefined {
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

/** The names of a folder are on the disk after this; where the system cannot do it, they come with time. */
function syncFolder(path: string): void {
  try {
    using folder = Deno.openSync(dirname(path));
    folder.syncSync();
  } catch {
    // Windows opens no folders.
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
