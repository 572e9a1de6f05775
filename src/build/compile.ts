/**
 * `deno task compile [--target TRIPLE] [--output FILE] [--repository OWNER/NAME]`: compiles the program.
 * Without a target the output is `dist/llm-proxy` for this machine. `--repository` is the repository of a
 * release.
 *
 * The program is bundled before it is compiled, with one module for each part that is loaded on demand. This
 * halves the start time and the idle memory, and leaves out the packages of the tests.
 */

import { parseArgs } from "node:util";
import { fillRepository, repositoryName } from "./repository.ts";

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
await deno("bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", bundle, "src/main.ts");
if (repository !== undefined) await fillRepository(bundle, repository);
// The runtime reads a worker from a separate file beside the module that starts it.
await Deno.copyFile("src/storage/sqlite/copy_worker.ts", `${bundle}/copy_worker.ts`);
await deno(
  "compile",
  "--no-check",
  "--no-prompt",
  "-P=run",
  // Most objects are short-lived: a small young generation of fixed size saves a third of the memory under load.
  "--v8-flags=--min-semi-space-size=4,--max-semi-space-size=4",
  ...(values.target === undefined ? [] : ["--target", values.target]),
  "--include",
  "src/management/admin/bundle",
  ...pages.flatMap((page) => ["--include", page]),
  "--include",
  `${bundle}/copy_worker.ts`,
  "--output",
  output,
  `${bundle}/main.js`,
);
await Deno.remove(bundle, { recursive: true });
console.log(`${output} is ready.`);
