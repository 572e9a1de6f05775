/** `llm-proxy restore` */

import { systemClock } from "../clock.ts";
import { openStore } from "../storage/open.ts";
import { restoreStore } from "../storage/restore.ts";
import { inStoresWords, managementConfig } from "./manage_client.ts";
import { type Options, textOf } from "./manage_options.ts";
import { writeOut } from "./output.ts";

/** Puts a backup in the place of the database, and says what that undoes. */
export async function restore(file: string, options: Options): Promise<void> {
  const config = await managementConfig(textOf(options, "config"));
  await inStoresWords(async () => {
    const now = new Date(systemClock.epochMs());
    const { kept, lastChangeAt } = await restoreStore(config.databaseUrl, {
      file,
      keyFile: textOf(options, "keyFile"),
      encryptionKey: config.encryptionKey,
      now,
    });
    const store = await openStore(config.databaseUrl);
    try {
      await store.addAudit({
        at: now.getTime(),
        actor: "command line",
        source: "this machine",
        action: "database.restore",
        subjectId: "database",
        changes: { backup_ends: lastChangeAt === undefined ? "empty" : new Date(lastChangeAt).toISOString() },
      });
    } finally {
      store.close();
    }
    writeOut(`${config.databaseUrl.replace(/^sqlite:/, "")} now holds what ${file} held.\n`);
    if (lastChangeAt !== undefined) {
      writeOut(
        `Everything after ${
          new Date(lastChangeAt).toISOString()
        } is undone: tokens that were revoked since then work ` +
          "again (llm-proxy token list), and usage since then is missing.\n",
      );
    }
    if (kept.length > 0) {
      writeOut(`What was there before is kept:\n${kept.map((name) => `  ${name}\n`).join("")}`);
    }
  });
}
