/**
 * Fuzzes the program's parsers, led by the coverage of their code: `deno task fuzz --minutes 10 [--target
 * json_reader] [--seed 1]`. With `--runs N` each target gets so many inputs, the same each time. A failure is
 * told with an input that can be tried again: `deno task fuzz --target json_reader --replay BASE64`, a long
 * one by `--replay - <FILE`.
 */

import { parseArgs } from "node:util";
import { Coverage, Profiler } from "./coverage.ts";
import { type Failure, FuzzLoop } from "./fuzz_loop.ts";
import { chanceOf } from "./target.ts";
import { loadTarget, TARGET_NAMES } from "./targets/index.ts";
import { shown, Watchdog } from "./watchdog.ts";

/** Targets take turns, so that each has been tried soon. */
const TURN_MS = 10_000;
const LONGEST_INPUT_MS = 30_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    runs: { type: "string" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    replay: { type: "string" },
  },
});

if (values.replay === undefined) await fuzz();
else await replay(values.target ?? "", Uint8Array.fromBase64(await typed(values.replay)));

/** A long input comes over the standard input: `--replay - <FILE`. */
async function typed(text: string): Promise<string> {
  return text === "-" ? (await new Response(Deno.stdin.readable).text()).trim() : text;
}

async function replay(name: string, input: Uint8Array): Promise<void> {
  const target = await loadTarget(name);
  console.log(shown(input));
  console.log(await target.check(input, chanceOf(input)));
}

async function fuzz(): Promise<void> {
  const names = values.target === undefined ? TARGET_NAMES : values.target.split(",");
  const watchdog = new Watchdog(names, LONGEST_INPUT_MS);
  const loops: FuzzLoop[] = [];
  const profiler = new Profiler();
  await profiler.start();
  const seed = number("seed", values.seed);
  let latest: { name: string; input: Uint8Array } = { name: "", input: new Uint8Array() };
  // What is thrown beside all handlers ends the program too.
  globalThis.addEventListener("error", ({ error }) => {
    tell({ target: latest.name, input: latest.input, error });
    Deno.exit(1);
  });
  for (const [index, name] of names.entries()) {
    const loop = new FuzzLoop(await loadTarget(name), {
      seed,
      coverage: new Coverage(profiler),
      measuresTime: true,
      onFailure: tell,
      onInput(input) {
        latest = { name, input };
        watchdog.begins(index, input);
      },
    });
    await loop.begin();
    loops.push(loop);
  }
  if (values.runs === undefined) await inTurns(loops, number("minutes", values.minutes) * 60_000);
  else {
    const runs = number("runs", values.runs);
    for (const loop of loops) await loop.run((executions) => executions >= runs);
  }
  console.log(loops.map(line).join("\n"));
  profiler.stop();
  watchdog.stop();
  if (loops.some(({ figures }) => figures.failures.length > 0)) Deno.exitCode = 1;
}

async function inTurns(loops: readonly FuzzLoop[], durationMs: number): Promise<void> {
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    for (const loop of loops) {
      const turnEnd = Math.min(end, performance.now() + Math.min(TURN_MS, durationMs / loops.length));
      await loop.run(() => performance.now() >= turnEnd);
    }
    console.log(`${loops.map(line).join("\n")}\n`);
  }
}

function line({ target, figures }: FuzzLoop): string {
  const { executions, corpus, blocks, failures } = figures;
  return `${target.name}: ${executions} inputs, ${corpus} kept, ${blocks.begun} blocks at first, ` +
    `${blocks.covered} of ${blocks.known} now, ${failures.length} failures`;
}

function tell({ target, input, error }: Failure): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  console.log(`FAILED: --target ${target} ${shown(input)}\n  ${text.slice(0, 1_500)}\n`);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} is ${text}, not a number`);
  return value;
}
