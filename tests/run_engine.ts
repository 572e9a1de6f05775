/**
 * Runs the tests of the wire with the other engine: `deno task test:engine`, with files or options of `deno test` for
 * some of them. Tests of what only the own engine does are left out. tests/support/engine.ts lists them.
 */

import { denoCommand } from "./support/processes/command.ts";
import { engineFiles, OWN_ENGINE_TESTS } from "./support/proxies/engine.ts";
import { leftOutLines } from "./support/runner/left_out_lines.ts";

const isWhole = Deno.args.length === 0;
const args = isWhole ? await engineFiles() : Deno.args;
const files = args.filter((arg) => arg.endsWith(".ts"));
// The environment decides how packages are fetched. The tests themselves get a clean one.
const cached = await new Deno.Command(Deno.execPath(), { args: ["cache", "--quiet", ...files] }).spawn()
  .status;
if (!cached.success) Deno.exit(1);

const folder = await Deno.makeTempDir();
const report = `${folder}/report.xml`;
const { code } = await denoCommand([
  "test",
  "-A",
  "--quiet",
  "--preload=tests/support/leave_out_differences.ts",
  "--junit-path",
  report,
  ...args,
], { env: { LLM_PROXY_ENGINE: "deno", ...(Deno.noColor && { NO_COLOR: "1" }) } }).spawn().status;
// A run that ended before its first test has no report.
const text = await Deno.readTextFile(report).catch(() => "");
await Deno.remove(folder, { recursive: true });
if (text !== "") console.log(leftOutLines(text));
const stale = isWhole ? Object.keys(OWN_ENGINE_TESTS).filter((name) => !text.includes(escaped(name))) : [];
for (const name of stale) console.log(`No test has this name of OWN_ENGINE_TESTS: ${name}`);
Deno.exit(stale.length > 0 ? 1 : code);

/** A name as an attribute of the report. */
function escaped(name: string): string {
  return name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  )
    .replaceAll("'", "&apos;");
}
