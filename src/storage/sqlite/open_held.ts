/** Opens a database of its own name, after finding out that nothing stands against it. */

import { dirname } from "node:path";
import type { Store } from "../store.ts";
import { holdDatabase } from "./hold.ts";
import { checkLog } from "./identity.ts";
import { checkNoRestore } from "./restore_files.ts";
import { openSqlite } from "./sqlite.ts";

/** Opens or creates it. Throws a `StoreError` where it is being restored, its log is another file's, or it is damaged. */
export async function openHeldSqlite(path: string): Promise<Store> {
  makePrivateFolder(dirname(path));
  path = realPath(path);
  const hold = await holdDatabase(path);
  try {
    checkNoRestore(path);
    checkLog(path, hold);
    return openSqlite(path, hold);
  } catch (error) {
    hold.release();
    throw error;
  }
}

/** SQLite follows links to the database too, and its log stands beside the file itself. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Makes the folder of the database, for its owner only, where it is not there. */
export function makePrivateFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // Opening the database says why, in its words.
  }
}
