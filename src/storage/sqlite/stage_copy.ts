/** Copies a backup beside the database that it is to replace, and checks the copy there. */

import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { Database } from "./database.ts";
import { randomIdentity } from "./identity.ts";
import { incomingOf, remove } from "./restore_files.ts";
import { messageOf } from "../../text/error_text.ts";

/** What a backup that was checked holds. */
export interface StagedCopy {
  /** When the last thing in it happened, in milliseconds since 1970; undefined: nothing did. */
  readonly lastChangeAt: number | undefined;
  /** What its header says: see `identity.ts`. */
  readonly identity: number;
  /** The note by which the key of sealed provider keys is told. */
  readonly note: (name: string) => string | undefined;
}

/**
 * Copies `file` to where {@link incomingOf} says, brings its schema up to date and checks all of it. Throws a
 * {@link StoreError} that says what is wrong with it; the copy is gone then, and the database untouched.
 */
export async function stageCopy(
  file: string,
  path: string,
  { onCopied = () => {} }: { readonly onCopied?: () => void } = {},
): Promise<StagedCopy> {
  const incoming = incomingOf(path);
  removeStaged(path);
  try {
    await copyPrivately(file, incoming);
    onCopied();
    return checked(file, incoming);
  } catch (error) {
    removeStaged(path);
    throw error;
  }
}

/** Removes what a restore that was given up has left. */
export function removeStaged(path: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) remove(`${incomingOf(path)}${end}`);
}

async function copyPrivately(file: string, incoming: string): Promise<void> {
  const source = await Deno.open(file);
  const target = await Deno.open(incoming, { write: true, createNew: true, mode: 0o600 });
  await source.readable.pipeTo(target.writable);
}

function checked(file: string, incoming: string): StagedCopy {
  try {
    checkPages(file, incoming);
    const database = new Database(incoming);
    try {
      const notes = new Map(
        database.all("SELECT name, value FROM notes").map((
          row,
        ) => [String(row["name"]), String(row["value"])]),
      );
      const last = database.get(
        "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM audit UNION ALL SELECT max(started_at) FROM exchanges)",
      )?.["at"];
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
    // People know the file that they named.
    throw new StoreError(error.kind, error.message.replaceAll(incoming, file), { cause: error });
  }
}

/** Before anything else reads it: a damaged page can look like anything. */
function checkPages(file: string, incoming: string): void {
  let database: DatabaseSync | undefined;
  let found: unknown;
  let isOurs = false;
  try {
    database = new DatabaseSync(incoming);
    found = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    isOurs =
      database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").get() !== undefined;
  } catch (error) {
    found = messageOf(error);
  } finally {
    database?.close();
  }
  if (found !== "ok") throw new StoreError("corrupt", `${file} is damaged, or no database (${found})`);
  if (!isOurs) throw new StoreError("corrupt", `${file} is not a database of llm-proxy`);
}
