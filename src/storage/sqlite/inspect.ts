/** Checks a database without changing it, also while a proxy has it open. */

import { DatabaseSync } from "node:sqlite";
import type { Inspection } from "../inspection.ts";
import { KEY_CHECK } from "../open_box.ts";
import { asStoreError } from "./connection.ts";
import { lockDatabase, realPath } from "./lock.ts";
import { checkWal } from "./identity.ts";
import { MIGRATIONS } from "./migrations.ts";
import { checkNoRestore } from "./restore_files.ts";

/** The most problems to report. */
const MAX_PROBLEMS = 5;
const BUSY_MS = 2_000;

/**
 * Checks a database. Throws a `StoreError` if the file cannot be read, if it is not a database of this
 * program, or if a restore runs or was interrupted.
 */
export async function inspectSqlite(path: string): Promise<Inspection> {
  path = realPath(path);
  const lock = await lockDatabase(path);
  try {
    checkNoRestore(path);
    checkWal(path, lock);
    const isInUse = !lock.isExclusive;
    // A proxy that starts meanwhile does not have to wait.
    if (lock.isExclusive) lock.share();
    return { ...asStoreError(path, () => inspected(path)), isInUse };
  } finally {
    lock.release();
  }
}

function inspected(path: string): Omit<Inspection, "isInUse"> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const results = database.prepare(`PRAGMA quick_check(${MAX_PROBLEMS})`).all()
      .map((row) => String(row["quick_check"]));
    const schema = database.prepare("SELECT max(version) AS version FROM schema_migrations").get();
    const note = database.prepare("SELECT value FROM notes WHERE name = ?").get(KEY_CHECK);
    const version = Number(schema?.["version"] ?? 0);
    return {
      damage: results.filter((text) => text !== "ok"),
      schema: version,
      worksSince: version,
      newestSchema: MIGRATIONS.at(-1)?.version ?? 0,
      isPooled: false,
      sealed: note === undefined ? undefined : String(note["value"]),
    };
  } finally {
    database.close();
  }
}
