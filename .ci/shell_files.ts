/**
 * `deno task shell:files [--output FOLDER]`: writes the manual page and the scripts of completion, which stand beside
 * the program in releases and packages. The folder is `dist/shell` unless it is named.
 */

import { parseArgs } from "node:util";
import { completionScript } from "../src/cli/completion/completion.ts";
import type { Shell } from "../src/cli/completion/shells.ts";
import { describe } from "../src/cli/description.ts";
import { manualPage } from "../src/cli/manual_page.ts";
import { buildProgram } from "../src/cli/program.ts";
import { VERSION } from "../src/version.ts";

/** By the names that each shell looks for. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: "llm-proxy.bash",
  zsh: "_llm-proxy",
  fish: "llm-proxy.fish",
  powershell: "llm-proxy.ps1",
};

const { values } = parseArgs({ options: { output: { type: "string" } } });
const folder = values.output ?? "dist/shell";
const program = describe(buildProgram());
await Deno.mkdir(`${folder}/completions`, { recursive: true });
await Deno.writeTextFile(`${folder}/llm-proxy.1`, manualPage(program, { version: VERSION, date: date() }));
for (const [shell, name] of Object.entries(SCRIPTS)) {
  // The keys are those of the record.
  await Deno.writeTextFile(`${folder}/completions/${name}`, completionScript(shell as Shell, program));
}
console.log(`${folder} holds the manual page and the scripts of completion.`);

/** Of the build, which SOURCE_DATE_EPOCH (in seconds) fixes where a build has to be repeatable. */
function date(): string {
  const seconds = Deno.env.get("SOURCE_DATE_EPOCH");
  return new Date(seconds === undefined ? Date.now() : Number(seconds) * 1000).toISOString().slice(0, 10);
}
