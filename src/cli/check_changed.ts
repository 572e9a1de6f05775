/** `llm-proxy check --changed`: prints what a reload would change. */

import type * as v from "valibot";
import * as responses from "../management/api/responses.ts";
import { onRunning } from "./control.ts";
import { warningLine, writeResult } from "./output.ts";
import { tableText } from "./table.ts";

/**
 * Prints what a reload would change in the running proxy. The proxy itself compares the settings, because
 * only it knows its flags and environment. Throws a `CommandError` if the proxy does not respond or the
 * configuration is invalid.
 */
export async function checkChanged(
  { config, url }: { config: string | undefined; url: string | undefined },
): Promise<void> {
  const whenOff = "check --changed sends a request to the running proxy, and needs MANAGEMENT_TOKEN.\n" +
    "Without it: llm-proxy check prints the settings of the file. After kill -HUP, the log names the changed settings.";
  await onRunning({ config, url }, async (client) => {
    const preview = await client.call("GET", "/reload", { schema: responses.reloadPreview });
    writeResult(preview, () => previewText(preview));
  }, { whenOff });
}

function previewText(
  { file, changed, restart, warnings }: v.InferOutput<typeof responses.reloadPreview>,
): string {
  const source = file === null ? "the environment" : file;
  const rows = changed.map(({ key, before, after }) =>
    before === after ? [key, before ?? "-", "(changed)"] : [key, before ?? "-", after ?? "-"]
  );
  return (rows.length === 0
    ? `A reload would change nothing: the proxy already uses the settings of ${source}.\n`
    : `${tableText(["setting", "now", "after a reload"], rows)}\n` +
      `To use these settings of ${source}, run llm-proxy reload.\n`) +
    (restart.length === 0 ? "" : `These settings need a restart: ${restart.join(", ")}.\n`) +
    warnings.map((warning) => warningLine(warning)).join("");
}
