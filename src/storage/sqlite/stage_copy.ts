/** Copies a backup beside the database, and checks the copy before it replaces the database. */

import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { endAllSessions } from "../people/account_work.ts";
import { Database } from "./database.ts";
import { randomIdentity } from "./identity.ts";
import { remove, stagedPath } from "./restore_files.ts";
import { runWork } from "./run_work.ts";
import { messageOf } from "../../text/error_text.ts";

/** What the check of a copy found out about it. */
export interface StagedCopy {
  /**
   * The time of the last exchange or audit entry, in milliseconds since 1970; `undefined` if the copy has
   * neither.
   */
  readonly lastChangeAt: number | undefined;
  /** The identity in its header: see `identity.ts`. */
  readonly identity: number;
  /** Reads a note of the copy, such as `KEY_CHECK`, which shows which key encrypted the provider keys. */
  readonly note: (name: string) => string | undefined;
}

/**
 * Copies `file` to {@link stagedPath}, migrates the schema of the copy, and checks the copy. Throws a
 * {@link StoreError} if the backup is damaged or foreign, and removes the copy. The database is not touched.
 */
export async function stageCopy(
  file: string,
  path: string,
  { onCopied = () => {} }: { readonly onCopied?: () => void } = {},
): Promise<StagedCopy> {
  const staged = stagedPath(path);
  removeStaged(path);
  try {
    await copyPrivately(file, staged);
    onCopied();
    return checkCopy(file, staged);
  } catch (error) {
    removeStaged(path);
    throw error;
  }
}

/** Removes the copy of a failed restore. */
export function removeStaged(path: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) remove(`${stagedPath(path)}${end}`);
}

async function copyPrivately(file: string, staged: string): Promise<void> {
  const source = await Deno.open(file);
  const target = await Deno.open(staged, { write: true, createNew: true, mode: 0o600 });
  await source.readable.pipeTo(target.writable);
}

function checkCopy(file: string, staged: string): StagedCopy {
  try {
    checkPages(file, staged);
    const database = new Database(staged);
    try {
      const notes = new Map(
        database.all("SELECT name, value FROM notes").map((
          row,
        ) => [String(row["name"]), String(row["value"])]),
      );
      const last = database.get(
        "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM audit UNION ALL SELECT max(started_at) FROM exchanges)",
      )?.["at"];
      database.transaction(() => runWork(database, endAllSessions()));
      const identity = randomIdentity();
      database.identify(identity);
      database.checkpoint();
      return {
        lastChangeAt: typeof last === "number" ? last : undefined,
        identity,
        note: (name) => notes.get(name),
      };
    } finally {
      database.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // The user knows the backup, and not the copy.
    throw new StoreError(error.kind, error.message.replaceAll(staged, file), { cause: error });
  }
}

/** Checks all pages before other code reads them. A damaged page can have any content. */
function checkPages(file: string, staged: string): void {
  let database: DatabaseSync | undefined;
  let found: unknown;
  let isOurs = false;
  try {
    database = new DatabaseSync(staged);
    found = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    isOurs =
      database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").get() !== undefined;
  } catch (error) {
    found = messageOf(error);
  } finally {
    database?.close();
  }
  if (found !== "ok") throw new StoreError("corrupt", `${file} is damaged or not a database (${found})`);
  if (!isOurs) throw new StoreError("corrupt", `${file} is not a database of llm-proxy`);
}
