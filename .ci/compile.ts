/**
 * Compiles the program: `deno task compile [--target TRIPLE] [--output FILE]`. Without a target the file is
 * `dist/llm-proxy` for this machine.
 */

import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { target: { type: "string" }, output: { type: "string" } } });
const onWindows = (values.target ?? Deno.build.target).includes("windows");
const name = values.target === undefined ? "llm-proxy" : `llm-proxy-${values.target}`;
const output = values.output ?? `dist/${name}${onWindows ? ".exe" : ""}`;

/** Packages that only tests use stay out of the binary. CI's smoke test compiles with a runtime from before this flag. */
const hasExclude = Number(Deno.version.deno.split(".")[1]) >= 9;

const { success } = await new Deno.Command(Deno.execPath(), {
  args: [
    "compile",
    "--frozen",
    "--no-prompt",
    "-P=run",
    // Nearly halves the memory under load: most of a proxy's objects die young.
    "--v8-flags=--max-semi-space-size=4",
    ...(hasExclude ? ["--exclude-unused-npm"] : []),
    ...(values.target === undefined ? [] : ["--target", values.target]),
    "--output",
    output,
    "src/main.ts",
  ],
  stdout: "inherit",
  stderr: "inherit",
}).spawn().status;
if (success) console.log(`${output} is ready.`);
Deno.exit(success ? 0 : 1);
