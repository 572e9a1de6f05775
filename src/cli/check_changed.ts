/** `llm-proxy check --changed` */

import type * as v from "valibot";
import { processSources } from "../config/sources/env.ts";
import { loadManagement } from "../config/load.ts";
import * as answers from "../management/api/answers.ts";
import { CommandError } from "./command_error.ts";
import { onRunning } from "./control.ts";
import { configFlags } from "./common_options.ts";
import { warningLine, writeAnswer } from "./output.ts";
import { tableText } from "./table.ts";

/**
 * Says what a reload would change in the running proxy. The proxy itself compares: its flags and its environment are
 * its own. Throws a {@link CommandError} where it cannot be asked, or the configuration is wrong.
 */
export async function checkChanged(
  { config, url }: { config: string | undefined; url: string | undefined },
): Promise<void> {
  if (await loadManagement(processSources, configFlags(config)) === undefined) {
    throw new CommandError(
      "The running proxy can be asked only with MANAGEMENT_TOKEN, which is not set.\n" +
        "Without it: llm-proxy check shows the settings of the file, and after kill -HUP the log names those that changed.",
      2,
    );
  }
  await onRunning({ config, url }, async (client) => {
    const preview = await client.call("GET", "/reload", { answer: answers.reloadPreview });
    writeAnswer(preview, () => previewText(preview));
  });
}

function previewText(
  { file, changed, restart, warnings }: v.InferOutput<typeof answers.reloadPreview>,
): string {
  const source = file === null ? "the environment" : file;
  const rows = changed.map(({ key, before, after }) =>
    before === after ? [key, before ?? "-", "(another one)"] : [key, before ?? "-", after ?? "-"]
  );
  return (rows.length === 0
    ? `Nothing would change: the proxy runs what ${source} says.\n`
    : `${tableText(["setting", "now", "after a reload"], rows)}\n` +
      `llm-proxy reload puts this into use (from ${source}).\n`) +
    (restart.length === 0 ? "" : `Only a restart changes ${restart.join(", ")}.\n`) +
    warnings.map((warning) => warningLine(warning)).join("");
}
