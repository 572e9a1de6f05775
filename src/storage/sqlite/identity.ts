/**
 * Finds a log (`….db-wal`) that belongs to another database file. SQLite would replay it over the file and damage it.
 *
 * The file carries a random number in its header (`application_id`), which changes each time a program opens the
 * database alone, and in every copy. The lock file says which number the file has to have.
 */

import { StoreError } from "../store.ts";
import type { Hold } from "./hold.ts";

/** sqlite.org/fileformat.html, sections 1.3 and 4.1. */
const HEADER_BYTES = 100;
const IDENTITY_OFFSET = 68;
const LOG_HEADER_BYTES = 32;

/** What of an open database changes its identity. */
export interface IdentifiedDatabase {
  /** Writes it into the database. */
  readonly identify: (identity: number) => void;
  /** Brings everything from the log into the file; whether all of it is there now. */
  readonly checkpoint: () => boolean;
}

/** Throws a {@link StoreError} where SQLite would replay a log that is not this file's. Nothing is opened or changed. */
export function checkLog(path: string, hold: Hold): void {
  if (!hold.isAlone || sizeOf(`${path}-wal`) <= LOG_HEADER_BYTES) return;
  if (sizeOf(path) === 0) {
    throw new StoreError(
      "corrupt",
      `${path} is missing or empty, but its log ${path}-wal is there. Put the database back beside it; ` +
        `or restore a backup with: llm-proxy restore FILE`,
    );
  }
  const expected = hold.readIdentities();
  if (expected === undefined || expected.includes(identityOf(path))) return;
  throw new StoreError(
    "corrupt",
    `${path} was replaced, and the log ${path}-wal belongs to the file that was there before: using both would ` +
      `damage the database. To go on with a backup: llm-proxy restore FILE (it keeps what is there). ` +
      `If the database and its log were copied here together, remove ${path}-lock and start again`,
  );
}

/** Gives the file another identity, so that copies made until now differ from it. */
export function renewIdentity(database: IdentifiedDatabase, hold: Hold): void {
  if (!hold.isAlone) return;
  const identity = randomIdentity();
  // A crash at any point leaves one of the two in the file.
  hold.writeIdentities([...(hold.readIdentities() ?? []).slice(-1), identity]);
  database.identify(identity);
  if (database.checkpoint()) hold.writeIdentities([identity]);
}

/** Not zero, which is what files of other programs have. */
export function randomIdentity(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return (bits & 0x7fff_ffff) || 1;
}

/** Only for the program that is alone: see `hold.ts` on closing a handle of the database. */
function identityOf(path: string): number {
  const header = new Uint8Array(HEADER_BYTES);
  using file = Deno.openSync(path);
  file.readSync(header);
  return new DataView(header.buffer).getInt32(IDENTITY_OFFSET);
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
