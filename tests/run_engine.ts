/**
 * Runs the tests of the wire with the other engine: `deno task test:engine`. With files it runs those; other
 * arguments go to `deno test`. It leaves out the tests of what only the own engine does, and the long ones.
 * tests/support/runner/engine_tests.ts lists the first, tests/suites.ts the others.
 */

import { engineFiles } from "./support/runner/engine_tests.ts";
import { leftOutLines } from "./support/runner/left_out_lines.ts";
import { runSuite } from "./support/runner/run_suite.ts";
import { Summary } from "./support/runner/summary.ts";
import { sharingIsolates } from "./support/runner/together.ts";
import { suitesOf } from "./suites.ts";

const named = Deno.args.filter((arg) => arg.endsWith(".ts"));
const options = Deno.args.filter((arg) => !named.includes(arg));
const files = named.length > 0 ? named : await engineFiles();
// The environment decides how packages are fetched. The tests themselves get a clean one.
const fetched = await new Deno.Command(Deno.execPath(), { args: ["cache", "--quiet", ...files] })
  .spawn().status;
if (!fetched.success) Deno.exit(1);

const folder = await Deno.makeTempDir();
const summary = new Summary();
const reports: string[] = [];
for (const [index, suite] of suitesOf(files).entries()) {
  const shared = named.length > 0 ? suite : await sharingIsolates(suite, `${folder}/${index}`);
  const report = `${folder}/${index}.xml`;
  const env = { LLM_PROXY_ENGINE: "deno" };
  summary.add(await runSuite(shared, { report, options, isLong: named.length > 0, env }));
  // A run that broke off before its first test has no report.
  reports.push(await Deno.readTextFile(report).catch(() => ""));
}
await Deno.remove(folder, { recursive: true });
console.log(leftOutLines(reports.join("\n")));
console.log(summary.line);
Deno.exit(summary.code);
