/**
 * Runs the tests: `deno task test`, with files or options of `deno test` for some of them.
 *
 * What they need is fetched first, by whatever way the environment names. The tests themselves then run in a clean
 * environment: a forward proxy, a provider's key or a setting of the runtime is a matter of the shell that they are
 * started from. The last lines say how many tests were left out, and why.
 */

import { denoCommand } from "./support/command.ts";
import { leftOutLines } from "./support/left_out_lines.ts";

/** What tests are told on purpose, and how their output looks. */
const PARAMETERS = [
  "FUZZ_SEED",
  "LLM_PROXY_BINARY",
  "LLM_PROXY_CLIENTS",
  "LLM_PROXY_PROBE",
  "NO_COLOR",
  "TERM",
];
/** What is run or described in a process of its own, besides what the tests import. */
const PROGRAMS = ["src/main.ts", "src/management/page/main.tsx", "tests/support/permission_probe.ts"];

/** Any small module will do: the first bundle fetches the bundler. */
const SMALL = "src/time/clock.ts";

const folder = await Deno.makeTempDir();
await fetchBy("cache", "--quiet", ...PROGRAMS, ...await testFiles("tests"));
await fetchBy("bundle", "--quiet", "--outdir", folder, SMALL);

const report = `${folder}/report.xml`;
const parameters = PARAMETERS.flatMap((name) => {
  const value = Deno.env.get(name);
  return value === undefined ? [] : [[name, value]];
});
const { code } = await denoCommand(["test", "-A", "--quiet", "--junit-path", report, ...Deno.args], {
  env: Object.fromEntries(parameters),
}).spawn().status;
// There is none of a run that broke off before its first test.
const text = await Deno.readTextFile(report).catch(() => undefined);
if (text !== undefined) console.log(leftOutLines(text));
await Deno.remove(folder, { recursive: true });
Deno.exit(code);

/** Runs the runtime in the environment as it is. */
async function fetchBy(...args: string[]): Promise<void> {
  if (!(await new Deno.Command(Deno.execPath(), { args }).spawn().status).success) Deno.exit(1);
}

/** Every file of tests below a folder. */
async function testFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await testFiles(`${folder}/${name}`));
    else if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
  }
  return files;
}
