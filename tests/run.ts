/**
 * Runs the tests: `deno task test`, `deno task test:long` and `deno task test:all`. With files or folders
 * `test` runs those, long ones too, and `test:long` runs them and the long ones. Other arguments go to `deno
 * test`. `tests/suites.ts` says which tests are long, and which cannot run beside others.
 *
 * The runs start the program from a bundle, which takes half the time; `--source` makes them start it from
 * source, as runs of named files do. CI runs the files that start the program in both ways.
 *
 * It first fetches what they need, by the way that the environment names. The tests then run in a clean
 * environment: a forward proxy, a provider's key or a setting of the runtime in the developer's shell does
 * not reach them. The last lines say how many tests were left out, and why.
 *
 * It does not check types, which takes 40 seconds of processor time: `deno task ok` and CI do it once.
 */

import { FEW_CASES } from "./support/runner/cases.ts";
import { leftOutLines } from "./support/runner/left_out_lines.ts";
import { runSuite } from "./support/runner/run_suite.ts";
import { type SuiteResult, Summary } from "./support/runner/summary.ts";
import { bundleTestedProgram } from "./support/runner/tested_program.ts";
import { sharingIsolates } from "./support/runner/together.ts";
import { filesOf, type Suite, suitesOf, type Wanted } from "./suites.ts";

/** Modules that run in processes of their own. The tests do not import them. */
const PROGRAMS = [
  "src/main.ts",
  "src/fetch.ts",
  "src/management/page/main.tsx",
  "tests/bench/allocations/thin_proxy.ts",
  "tests/support/processes/permission_probe.ts",
];
/** Any small module: the first bundle fetches the bundler. */
const SMALL = "src/time/clock.ts";
const WANTED: Readonly<Record<string, Wanted>> = { "--long": "long", "--all": "all" };
const FROM_SOURCE = "--source";

const named = Deno.args.filter(isThere);
const options = Deno.args.filter((arg) => !isThere(arg) && !(arg in WANTED) && arg !== FROM_SOURCE);
const wanted = Deno.args.map((arg) => WANTED[arg]).find((one) => one !== undefined) ?? "short";
const isNamedOnly = named.length > 0 && wanted === "short";
const suites = suitesOf([
  ...named.flatMap(testFiles),
  ...(isNamedOnly ? [] : filesOf(testFiles("tests"), wanted)),
]);

const folder = await Deno.makeTempDir();
// Coverage is that of the sources.
const isBundled = !isNamedOnly && !Deno.args.includes(FROM_SOURCE) &&
  !options.some((option) => option.startsWith("--coverage"));
const [bundle] = await Promise.all([
  isBundled ? bundleTestedProgram() : fetchBy("bundle", "--quiet", "--outdir", folder, SMALL),
  // The tests run at the same time, and would compile the same modules again and again.
  fetchBy("cache", "--quiet", ...PROGRAMS, ...suites.flatMap((suite) => suite.files)),
]);
const env = {
  ...(bundle !== undefined && { LLM_PROXY_BUNDLE: bundle }),
  ...(named.length === 0 && wanted === "short" && { [FEW_CASES]: "1" }),
};

const summary = new Summary();
const reports: string[] = [];
for (const [index, suite] of suites.entries()) {
  if (suite.isBeside === true && index > 0) continue;
  const beside = suites[index + 1];
  const ends = [run(suite, { index, isHeld: false })];
  if (beside?.isBeside === true) ends.push(run(beside, { index: index + 1, isHeld: true }));
  for (const result of await Promise.all(ends)) summary.add(result);
}
for (const index of suites.keys()) {
  // A run that broke off before its first test has no report.
  reports.push(await Deno.readTextFile(reportOf(index)).catch(() => ""));
}
console.log(leftOutLines(reports.join("\n")));
if (named.length === 0 && wanted === "short") {
  console.log("The long tests were not run: deno task test:long, or deno task test:all for both.");
}
console.log(summary.line);
await Deno.remove(folder, { recursive: true });
Deno.exit(summary.code);

function reportOf(index: number): string {
  return `${folder}/${index}.xml`;
}

/** Runs a suite. If its output is held, the output appears when the suite has ended. */
async function run(
  suite: Suite,
  { index, isHeld }: { index: number; isHeld: boolean },
): Promise<SuiteResult> {
  console.log(`\n== ${suite.name}: ${suite.files.length} files${isHeld ? ", at the same time" : ""}`);
  const isLong = wanted !== "short" || named.length > 0;
  const shared = isNamedOnly ? suite : await sharingIsolates(suite, `${folder}/${index}`);
  return runSuite(shared, {
    report: reportOf(index),
    options,
    isLong,
    env,
    isHeld,
  });
}

/** Runs the runtime in the environment as it is. */
async function fetchBy(...args: string[]): Promise<void> {
  if (!(await new Deno.Command(Deno.execPath(), { args }).spawn().status).success) Deno.exit(1);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** Every test file at a path, or below it. Paths are from the root of the project, without `./`. */
function testFiles(path: string): string[] {
  const clean = path.replace(/^\.\//, "").replace(/\/$/, "");
  if (Deno.statSync(clean).isFile) return [clean];
  return [...Deno.readDirSync(clean)].flatMap(({ name, isDirectory }) =>
    isDirectory ? testFiles(`${clean}/${name}`) : name.endsWith("_test.ts") ? [`${clean}/${name}`] : []
  );
}
