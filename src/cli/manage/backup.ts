/** `llm-proxy backup` */

import { openStore } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { checkDatabase, mapStoreError, managementConfig } from "./client.ts";
import { type Options, textOf } from "./options.ts";
import { writeAnswer } from "../output.ts";
import { sizeOf } from "../files.ts";
import { withProgress } from "../progress.ts";
import { messageOf } from "../../text/error_text.ts";

/** Copies the database into a new file, while it is in use. */
export async function backup(file: string, options: Options): Promise<void> {
  const config = await managementConfig(textOf(options, "config"));
  checkDatabase(config);
  await mapStoreError(async () => {
    const store = await openStore(config.databaseUrl);
    try {
      makeNewFile(file);
      const size = await store.size();
      await withProgress(`Copying the database to ${file}`, () => store.backup(file), {
        share: () => sizeOf(file) / size,
      });
    } finally {
      store.close();
    }
  });
  writeAnswer(
    { file, bytes: sizeOf(file) },
    () => `${file} holds the whole database. Keep the key file (or ENCRYPTION_KEY) with it.\n`,
  );
}

/** For its owner only, and never in place of another. */
function makeNewFile(file: string): void {
  try {
    Deno.openSync(file, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(`${file} exists: name a new file.`);
    }
    throw new CommandError(`Cannot write ${file}: ${messageOf(error)}.`);
  }
}
