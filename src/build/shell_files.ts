/**
 * `deno task shell:files [--output FOLDER] [--tree]`: writes the manual page and the completion scripts of a
 * release to `dist/shell` or another folder. `--tree` writes them to the paths of an installed system
 * (`usr/share/man/man1/…`), for packages.
 */

import { parseArgs } from "node:util";
import { completionScript } from "../cli/completion/completion.ts";
import { type Shell, SHELLS } from "../cli/completion/shells.ts";
import { describe } from "../cli/description.ts";
import { manualPage } from "../cli/manual_page.ts";
import { buildProgram } from "../cli/program.ts";
import { VERSION } from "../release.ts";

/** The paths of each file: in a release, and in an installed system. */
const MANUAL = ["llm-proxy.1", "usr/share/man/man1/llm-proxy.1"] as const;
const SCRIPTS: Readonly<Record<Shell, readonly [beside: string, inTree: string | undefined]>> = {
  bash: ["completions/llm-proxy.bash", "usr/share/bash-completion/completions/llm-proxy"],
  zsh: ["completions/_llm-proxy", "usr/share/zsh/vendor-completions/_llm-proxy"],
  fish: ["completions/llm-proxy.fish", "usr/share/fish/vendor_completions.d/llm-proxy.fish"],
  powershell: ["completions/llm-proxy.ps1", undefined],
};

const { values } = parseArgs({
  options: { output: { type: "string", default: "dist/shell" }, tree: { type: "boolean", default: false } },
});
const { output, tree } = values;
const program = describe(buildProgram());
await write(MANUAL, manualPage(program, { version: VERSION, date: date() }));
for (const shell of SHELLS) await write(SCRIPTS[shell], completionScript(shell, program));
console.log(`${output} contains the manual page and the completion scripts.`);

async function write([beside, inTree]: readonly [string, string | undefined], text: string): Promise<void> {
  const path = tree ? inTree : beside;
  if (path === undefined) return;
  await Deno.mkdir(`${output}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(`${output}/${path}`, text);
}

/** The date of the build. SOURCE_DATE_EPOCH, in seconds, sets it for reproducible builds. */
function date(): string {
  const seconds = Deno.env.get("SOURCE_DATE_EPOCH");
  return new Date(seconds === undefined ? Date.now() : Number(seconds) * 1000).toISOString().slice(0, 10);
}
