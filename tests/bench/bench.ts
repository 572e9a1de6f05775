/**
 * `deno task bench`: this proxy beside others, end to end on loopback, in rounds in which they take turns.
 * Linux, with wrk and nginx; h2load, Go, HAProxy, Node and npm add columns and candidates. The bench says
 * what is missing, and goes on. `docs/performance.md` has the options.
 */

import { parseArgs } from "node:util";
import { benchAccounting } from "./accounting.ts";
import { GROUP_NAMES } from "./candidates/all.ts";
import { denoEngineCandidate, managedCandidate, ownCandidate } from "./candidates/own.ts";
import { compare } from "./comparison.ts";
import { benchDashboard } from "./dashboard.ts";
import { benchDatabase } from "./database.ts";
import { benchGrowth, GROWTH_PARTS } from "./growth.ts";
import { benchHostile } from "./hostile.ts";
import { benchPair } from "./pair.ts";
import { exists } from "./process.ts";
import { benchQuick } from "./quick.ts";
import { publish } from "./published.ts";
import { printed, type Report } from "./report.ts";
import { Stage } from "./stage.ts";
import { benchTiming } from "./token_timing.ts";

const ROOT = new URL("../../", import.meta.url);

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
    from: { type: "string" },
    growth: { type: "boolean", default: false },
    huge: { type: "boolean", default: false },
    managed: { type: "boolean", default: false },
    engine: { type: "boolean", default: false },
    dashboard: { type: "boolean", default: false },
    database: { type: "boolean", default: false },
    timing: { type: "boolean", default: false },
    hostile: { type: "boolean", default: false },
    accounting: { type: "boolean", default: false },
    exchanges: { type: "string", default: "10000" },
    rows: { type: "string", default: "10000000" },
    clients: { type: "string", default: "160" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

if (options.timing) await benchTiming();
else if (options.accounting) await benchAccounting(options);
else if (options.dashboard) await benchDashboard();
else if (options.database) await benchDatabase(Number(options.rows));
else if (options.quick || options.record) {
  if (!await benchQuick({ isRecording: options.record })) Deno.exit(1);
} else if (options.growth) {
  const only = options.only?.split(",");
  await benchGrowth(GROWTH_PARTS.filter((part) => only === undefined || only.includes(part)), {
    isHuge: options.huge,
  });
} else if (options.hostile) await withStage((stage) => benchHostile(stage.folder));
else if (options.managed || options.engine) {
  await needPrograms();
  await withStage((stage) =>
    options.managed
      ? benchPair(stage, [ownCandidate(), managedCandidate(stage.folder)], {
        rounds,
        seconds,
        labels: ["plain", "managed"],
      })
      : benchPair(stage, [ownCandidate(), denoEngineCandidate()], {
        rounds,
        seconds,
        labels: ["own", "deno"],
      })
  );
} else {
  await benchMain();
  if (options.all) await benchGrowth(GROWTH_PARTS, { isHuge: options.huge });
}

/**
 * Prints the tables, and writes dist/bench.json. With --readme, writes the tables of the documentation too.
 */
async function benchMain(): Promise<void> {
  const report = options.from === undefined ? await compared() : await readReport(options.from);
  console.log(printed(report));
  if (options.readme) await publish(report, ROOT);
}

/** Compares the candidates, which takes most of an hour, and writes dist/bench.json. */
async function compared(): Promise<Report> {
  await needPrograms();
  const groups = options.only?.split(",");
  const unknown = groups?.filter((name) => !GROUP_NAMES.includes(name)) ?? [];
  if (unknown.length > 0) fail(`--only takes ${GROUP_NAMES.join(", ")}, not ${unknown.join(", ")}`);
  if (options.readme && groups !== undefined) {
    fail("--readme needs all candidates, so it cannot be used with --only");
  }
  const begin = performance.now();
  const report = await compare({ rounds, seconds, ...groups === undefined ? {} : { groups } });
  console.log(`\nIt took ${((performance.now() - begin) / 60_000).toFixed(0)} minutes.`);
  await Deno.mkdir(new URL("dist/", ROOT), { recursive: true });
  await Deno.writeTextFile(new URL("dist/bench.json", ROOT), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

/** A report that an earlier run wrote. */
async function readReport(file: string): Promise<Report> {
  return JSON.parse(await Deno.readTextFile(file));
}

async function withStage(run: (stage: Stage) => Promise<void>): Promise<void> {
  await using stage = await Stage.open();
  await run(stage);
}

async function needPrograms(): Promise<void> {
  for (const program of ["wrk", "nginx", "taskset"]) {
    if (!await exists(program)) fail(`${program} is missing: apt-get install wrk nginx-light util-linux`);
  }
}

function fail(reason: string): never {
  console.error(reason);
  Deno.exit(2);
}
