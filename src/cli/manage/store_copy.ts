/** `llm-proxy store copy` */

import { databaseUrlSchema } from "../../config/values/values.ts";
import * as v from "valibot";
import { processSources } from "../../config/sources/env.ts";
import { isPostgresUrl, withPassword } from "../../network/postgres_url.ts";
import { type CopyProgress, copyStore } from "../../storage/copy/copy_store.ts";
import { keyFileOf, shownDatabase } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { writeResult } from "../output.ts";
import { withProgress } from "../progress.ts";
import { mapStoreError } from "./management_config.ts";

/** Copies everything from one database to another. Prints the number of rows of each table. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const [source, target] = [databaseUrl(from), databaseUrl(to)];
  await mapStoreError(async () => {
    let progress: CopyProgress | undefined;
    const tables = await withProgress(
      `Copying ${shownDatabase(source)}`,
      () => copyStore({ from: source, to: target, onProgress: (next) => progress = next }),
      { share: () => progress === undefined ? 0 : progress.rows / Math.max(1, progress.total) },
    );
    const counts = Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
    writeResult(
      { from: shownDatabase(source), to: shownDatabase(target), tables: counts },
      () =>
        tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => `${table}: ${rows} rows\n`).join("") +
        `${shownDatabase(target)} has everything of ${
          shownDatabase(source)
        }: the numbers of rows and the sums are ` +
        `equal.\n${keyHint(source, target)}`,
    );
  });
}

function keyHint(from: string, to: string): string {
  const file = keyFileOf(from);
  return file === undefined || !isPostgresUrl(to)
    ? "Keep ENCRYPTION_KEY: it decrypts the provider keys of projects.\n"
    : `Set ENCRYPTION_KEY for every proxy: the value that the proxy has now, or the content of ${file}.\n`;
}

/** Checks a URL, and adds the password of PGPASSWORD. Throws a {@link CommandError}. */
function databaseUrl(text: string): string {
  const result = v.safeParse(databaseUrlSchema, text);
  if (!result.success) throw new CommandError(`A database URL ${result.issues[0].message}`, 2);
  return withPassword(result.output, processSources.get("PGPASSWORD"));
}
