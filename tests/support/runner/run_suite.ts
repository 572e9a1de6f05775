/** One run of `deno test`, which shows its output and ends it if it hangs. */

import type { Suite } from "../../suites.ts";
import { denoCommand } from "../processes/command.ts";
import type { SuiteResult } from "./summary.ts";

/** Variables that tests read on purpose, and those that say how their output looks. */
const PARAMETERS = [
  "DENO_JOBS",
  "FUZZ_SEED",
  "LLM_PROXY_BINARY",
  "LLM_PROXY_CLIENTS",
  "LLM_PROXY_PROBE",
  "LLM_PROXY_TEST_DATABASE",
  "LLM_PROXY_TEST_REDIS",
  "NO_COLOR",
  "TERM",
];
/** A run hangs if no test ends for so long. In milliseconds. */
const SILENCE_MS = { short: 180_000, long: 900_000 };
/** Some tests wait for time to pass: so many more modules than there are processors keep these busy. */
export const EXTRA_JOBS = 4;
/**
 * How often the run is looked at, and how long it may take to name the tests that are running. In
 * milliseconds.
 */
const LOOK_MS = 1_000;
const GRACE_MS = 15_000;
/** Deno says of a slow test that it is still running. */
const STILL_RUNNING = /has been running for over/;
/** How much of the output's end is kept. In characters. */
const KEPT = 4_096;

export interface RunOptions {
  /** The file for the report in JUnit's format. */
  readonly report: string;
  /** More arguments for `deno test`. */
  readonly options: readonly string[];
  /** Whether single tests may take minutes. */
  readonly isLong: boolean;
  /** More variables for the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the output appears at the end, because another suite runs at the same time. */
  readonly isHeld?: boolean;
}

/** Runs a suite in a clean environment. Its modules must have been fetched. It does not check their types. */
export async function runSuite(
  { files, isParallel }: Suite,
  { report, options, isLong, env: more = {}, isHeld = false }: RunOptions,
): Promise<SuiteResult> {
  const env = PARAMETERS.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  env.unshift(["DENO_JOBS", String(navigator.hardwareConcurrency + EXTRA_JOBS)]);
  const flags = [
    "-A",
    "--quiet",
    "--no-check",
    "--junit-path",
    report,
    ...(isParallel ? ["--parallel"] : []),
  ];
  const child = denoCommand(["test", ...flags, ...options, ...files], {
    env: { ...Object.fromEntries(env), ...more },
    stdout: "piped",
    stderr: isHeld ? "piped" : "inherit",
  }).spawn();
  const held: Uint8Array[] = [];
  const errors = isHeld ? new Response(child.stderr).bytes() : Promise.resolve(new Uint8Array());
  const silenceMs = isLong ? SILENCE_MS.long : SILENCE_MS.short;
  let lastAt = performance.now();
  let interruptedAt: number | undefined;
  const watch = setInterval(() => {
    const now = performance.now();
    if (interruptedAt !== undefined && now > interruptedAt + GRACE_MS) child.kill("SIGKILL");
    if (interruptedAt !== undefined || now < lastAt + silenceMs) return;
    console.error(`\nNo test ended within ${silenceMs / 1_000} s. These hang:`);
    interruptedAt = now;
    // Deno names the tests that are running.
    child.kill("SIGINT");
  }, LOOK_MS);
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of child.stdout) {
    if (isHeld) held.push(piece);
    else await write(piece);
    const added = decoder.decode(piece, { stream: true });
    if (!STILL_RUNNING.test(added)) lastAt = performance.now();
    text = (text + added).slice(-KEPT);
  }
  const { code } = await child.status;
  clearInterval(watch);
  for (const piece of [...held, await errors]) await write(piece);
  return { lastLines: withoutColours(text), code };
}

async function write(bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await Deno.stdout.write(bytes.subarray(sent));
}

function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/\x1b\[[\d;]*m/g, "");
}
