/** Looks at a database without changing it, whether a proxy has it open or not. */

import { DatabaseSync } from "node:sqlite";
import { KEY_CHECK } from "../open_box.ts";
import { asStoreError } from "./database.ts";
import { holdDatabase } from "./hold.ts";
import { checkLog } from "./identity.ts";
import { MIGRATIONS } from "./migrations.ts";
import { realPath } from "./open_held.ts";
import { checkNoRestore } from "./restore_files.ts";

/** What was found. */
export interface Inspection {
  /** What SQLite's quick check complains of; empty: nothing. */
  readonly damage: readonly string[];
  /** The version of its schema, and the newest one that this program knows. */
  readonly schema: number;
  readonly newestSchema: number;
  /** Something that its encryption key has sealed; undefined: it has sealed nothing. */
  readonly sealed: string | undefined;
  /** Another program has it open. */
  readonly isInUse: boolean;
}

/** Some complaints say as much as all of them. */
const MOST_COMPLAINTS = 5;
const BUSY_MS = 2_000;

/** Throws a `StoreError` where it cannot be read, is no database of this program, or a restore is under way. */
export async function inspectSqlite(path: string): Promise<Inspection> {
  path = realPath(path);
  const hold = await holdDatabase(path);
  try {
    checkNoRestore(path);
    checkLog(path, hold);
    const isInUse = !hold.isAlone;
    // A proxy that starts meanwhile shall not wait.
    if (hold.isAlone) hold.share();
    return { ...asStoreError(path, () => inspected(path)), isInUse };
  } finally {
    hold.release();
  }
}

function inspected(path: string): Omit<Inspection, "isInUse"> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const complaints = database.prepare(`PRAGMA quick_check(${MOST_COMPLAINTS})`).all()
      .map((row) => String(row["quick_check"]));
    const schema = database.prepare("SELECT max(version) AS version FROM schema_migrations").get();
    const note = database.prepare("SELECT value FROM notes WHERE name = ?").get(KEY_CHECK);
    return {
      damage: complaints.filter((text) => text !== "ok"),
      schema: Number(schema?.["version"] ?? 0),
      newestSchema: MIGRATIONS.at(-1)?.version ?? 0,
      sealed: note === undefined ? undefined : String(note["value"]),
    };
  } finally {
    database.close();
  }
}
