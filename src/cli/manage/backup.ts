/** `llm-proxy backup` */

import { openStore } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { checkDatabase, managementConfig, mapStoreError } from "./management_config.ts";
import { type Options, textOf } from "./options.ts";
import { writeResult } from "../output.ts";
import { sizeOf } from "../files.ts";
import { withProgress } from "../progress.ts";
import { messageOf } from "../../text/error_text.ts";

/**
 * Copies the database to a new file, while the proxy uses it. Throws a {@link CommandError} if the file
 * exists.
 */
export async function backup(file: string, options: Options): Promise<void> {
  const config = await managementConfig(textOf(options, "config"));
  checkDatabase(config);
  await mapStoreError(async () => {
    const store = await openStore(config.databaseUrl);
    try {
      const { copies } = store;
      if (copies === undefined) {
        throw new CommandError(
          "The database is PostgreSQL: back it up with pg_dump, and keep ENCRYPTION_KEY with the copy.",
        );
      }
      makeNewFile(file);
      const size = await store.size();
      await withProgress(`Copying the database to ${file}`, () => copies.backup(file), {
        share: () => sizeOf(file) / size,
      });
    } finally {
      await store.close();
    }
  });
  writeResult(
    { file, bytes: sizeOf(file) },
    () => `${file} contains the whole database. Keep the key file (or ENCRYPTION_KEY) with it.\n`,
  );
}

/** Creates the file with a mode for its owner only. */
function makeNewFile(file: string): void {
  try {
    Deno.openSync(file, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(`${file} exists. Name a new file.`);
    }
    throw new CommandError(`Cannot write ${file}: ${messageOf(error)}.`);
  }
}
