/** `llm-proxy restore` */

import { systemClock } from "../time/clock.ts";
import { openStore } from "../storage/open.ts";
import { restoreStore } from "../storage/restore.ts";
import { managementConfig, mapStoreError } from "./manage/management_config.ts";
import { type Options, textOf } from "./manage/options.ts";
import { writeAnswer } from "./output.ts";
import { withProgress } from "./progress.ts";

/** Puts a backup in the place of the database, and says what that undoes. */
export async function restore(file: string, options: Options): Promise<void> {
  const config = await managementConfig(textOf(options, "config"));
  await mapStoreError(async () => {
    const now = new Date(systemClock.epochMs());
    const { kept, lastChangeAt } = await withProgress(
      `Copying ${file}`,
      (say) =>
        restoreStore(config.databaseUrl, {
          file,
          keyFile: textOf(options, "keyFile"),
          encryptionKey: config.encryptionKey,
          now,
          onCopied: () => say(`Checking the copy of ${file}`),
        }),
    );
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
    const database = config.databaseUrl.replace(/^sqlite:/, "");
    const ends = lastChangeAt === undefined ? null : new Date(lastChangeAt).toISOString();
    writeAnswer(
      { database, file, last_change_at: ends, kept },
      () =>
        `${database} now holds what ${file} held.\n` +
        (ends === null
          ? ""
          : `Everything after ${ends} is undone: tokens that were revoked since then work ` +
            "again (llm-proxy token list), and usage since then is missing.\n") +
        (kept.length === 0
          ? ""
          : `What was there before is kept:\n${kept.map((name) => `  ${name}\n`).join("")}`),
    );
  });
}
