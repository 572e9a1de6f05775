/** Databases without rows for proxies that tests start by the hundred. */

import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";

let made: Promise<Uint8Array<ArrayBuffer>> | undefined;

/**
 * Writes a database with all tables and no rows. The migrations run once in an isolate, because they take
 * most of the time in which a proxy opens a new database.
 */
export async function writeEmptyDatabase(path: string): Promise<void> {
  await Deno.writeFile(path, await (made ??= make()), { mode: 0o600 });
}

async function make(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  try {
    const store = await openSqlite(`${folder}/empty.db`);
    await store.close();
    return await Deno.readFile(`${folder}/empty.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
