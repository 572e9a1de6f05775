/**
 * `deno task compile [--target TRIPLE] [--output FILE] [--repository OWNER/NAME]`: compiles the program.
 * Without a target the output is `dist/llm-proxy` for this machine. `--repository` is the repository of a
 * release.
 *
 * The program is bundled before it is compiled, with one module for each part that is loaded on demand. This
 * halves the start time and the idle memory, and leaves out the packages of the tests. Shrinking the bundle
 * saves another 7 ms and 6 MB with the management plane.
 */

import { parseArgs } from "node:util";
import { V8_FLAGS } from "../cli/v8_flags.ts";
import { bundleProgram, WORKERS } from "./bundle.ts";
import { fillRepository, repositoryName } from "./repository.ts";
import { shrinkBundle } from "./shrink_bundle.ts";

const { values } = parseArgs({
  options: { target: { type: "string" }, output: { type: "string" }, repository: { type: "string" } },
});
const repository = repositoryName(values.repository);
const onWindows = (values.target ?? Deno.build.target).includes("windows");
const name = values.target === undefined ? "llm-proxy" : `llm-proxy-${values.target}`;
const output = values.output ?? `dist/${name}${onWindows ? ".exe" : ""}`;
const bundle = "dist/bundle";

async function deno(...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" })
    .spawn().status;
  if (!success) Deno.exit(1);
}

/** The pages of the manual, which `llm-proxy help` prints. */
const pages: string[] = [];
for await (const { name } of Deno.readDir("docs")) if (name.endsWith(".md")) pages.push(`docs/${name}`);

await deno("check", "src/main.ts");
await bundleProgram(bundle, {
  async edit(folder) {
    if (repository !== undefined) await fillRepository(folder, repository);
    await shrinkBundle(folder);
  },
});
await deno(
  "compile",
  "--no-check",
  "--no-prompt",
  // The code cache would be a file of a known name in the folder for temporary files. On Linux that is /tmp,
  // where another account can put a file of this name first, and the runtime would run the code in it. The
  // cache saves 8 ms of the start.
  "--no-code-cache",
  "-P=run",
  V8_FLAGS,
  ...(values.target === undefined ? [] : ["--target", values.target]),
  "--include",
  `${bundle}/bundle`,
  ...pages.flatMap((page) => ["--include", page]),
  ...WORKERS.flatMap((name) => ["--include", `${bundle}/${name}`]),
  "--output",
  output,
  `${bundle}/main.js`,
);
await Deno.remove(bundle, { recursive: true });
console.log(`${output} is ready.`);
