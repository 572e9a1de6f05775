/** `llm-proxy restore`: replaces the database by a backup. */

import { systemClock } from "../time/clock.ts";
import { openStore } from "../storage/open.ts";
import { restoreStore } from "../storage/restore.ts";
import { managementConfig, mapStoreError } from "./manage/management_config.ts";
import { type Options, textOf } from "./manage/options.ts";
import { writeResult } from "./output.ts";
import { withProgress } from "./progress.ts";

/** Replaces the database by a backup, and prints which changes are lost. It keeps the old files. */
export async function restore(file: string, options: Options): Promise<void> {
  const config = await managementConfig(textOf(options, "config"));
  await mapStoreError(async () => {
    const now = new Date(systemClock.epochMs());
    const { kept, lastChangeAt } = await withProgress(
      `Copying ${file}`,
      (show) =>
        restoreStore(config.databaseUrl, {
          file,
          keyFile: textOf(options, "keyFile"),
          encryptionKey: config.encryptionKey,
          now,
          onCopied: () => show(`Checking the copy of ${file}`),
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
      await store.close();
    }
    const database = config.databaseUrl.replace(/^sqlite:/, "");
    const ends = lastChangeAt === undefined ? null : new Date(lastChangeAt).toISOString();
    writeResult(
      { database, file, last_change_at: ends, kept },
      () =>
        `Restored ${database} from ${file}.\n` +
        (ends === null
          ? ""
          : `All changes after ${ends} are lost: tokens that were revoked since then work ` +
            "again (llm-proxy token list), and usage since then is missing.\n") +
        (kept.length === 0 ? "" : `The old files are kept:\n${kept.map((name) => `  ${name}\n`).join("")}`),
    );
  });
}
