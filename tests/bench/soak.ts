/**
 * `deno task soak --minutes 10`: mixed traffic of 200 clients. Prints a line of figures every half minute;
 * fails where memory, sockets, timers or the event loop's delay grow after the plateau, where something is
 * left when the traffic has stopped, or where the books do not match exactly.
 *
 * `deno task soak --replicas`: several replicas on PostgreSQL that are killed, replaced and cut off from
 * their servers. Fails where the bill of the provider, the database and the limits do not match. `--limits
 * redis` or `postgres` runs one adapter of the limits, and `--count 2` another number of replicas than three.
 *
 * `deno task soak --rollout COMMIT`: three replicas of an older version are replaced by those of the sources,
 * under traffic. Fails as the one before does.
 */

import { parseArgs } from "node:util";
import { bundleTestedProgram } from "../support/runner/tested_program.ts";

/** Some of them think, and the others are in flight. */
const CLIENTS = 210;
/** Seven of ten do not think. */
const REPLICA_CLIENTS = 290;
/** From the end of a fault to the next one. Every other one is a kill. In milliseconds. */
const FAULT_MS = 10_000;
const ADAPTERS = ["redis", "postgres"] as const;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    replicas: { type: "boolean", default: false },
    rollout: { type: "string" },
    count: { type: "string", default: "3" },
    limits: { type: "string" },
    clients: { type: "string" },
  },
});
const minutes = positive("minutes");
const adapters = ADAPTERS.filter((name) => values.limits === undefined || name === values.limits);
if (adapters.length === 0) usage(`--limits ${values.limits} is neither redis nor postgres`);
const problems = values.rollout !== undefined
  ? await soakRollout(values.rollout)
  : values.replicas
  ? await soakReplicas()
  : await soakOne();
for (const problem of problems) console.error(`wrong: ${problem}`);
console.log(problems.length === 0 ? "all is well" : "the soak failed");
Deno.exit(problems.length === 0 ? 0 : 1);

async function soakOne(): Promise<string[]> {
  const { runSoak } = await import("./soak/run.ts");
  return await runSoak({
    seconds: minutes * 60,
    clients: positive("clients"),
    sampleMs: 30_000,
    tokensMs: 2_000,
    reloadMs: 20_000,
    say: console.log,
  }, { judgesGrowth: minutes >= 5 });
}

/** A soak for each adapter. */
async function soakReplicas(): Promise<string[]> {
  // A module reads it when it is loaded.
  Deno.env.set("LLM_PROXY_BUNDLE", await bundleTestedProgram());
  const { runReplicaSoak } = await import("./soak/replicas/run.ts");
  const found: string[] = [];
  for (const limits of adapters) {
    const problems = await runReplicaSoak({
      replicas: positive("count"),
      limits,
      seconds: minutes * 60,
      clients: positive("clients"),
      faultMs: FAULT_MS,
      say: console.log,
    });
    found.push(...problems.map((problem) => `limits in ${limits}: ${problem}`));
  }
  return found;
}

/** A rollout for each adapter. */
async function soakRollout(from: string): Promise<string[]> {
  const { runRollout } = await import("./soak/rollout/run.ts");
  const found: string[] = [];
  for (const limits of adapters) {
    const stepMs = minutes * 60_000 / 5;
    const problems = await runRollout({
      from,
      limits,
      clients: positive("clients"),
      stepMs,
      say: console.log,
    });
    found.push(...problems.map((problem) => `limits in ${limits}: ${problem}`));
  }
  return found;
}

function positive(name: "minutes" | "count" | "clients"): number {
  const value = Number(values[name] ?? (values.replicas ? REPLICA_CLIENTS : CLIENTS));
  if (!(value > 0)) usage(`--${name} ${values[name]} is not a positive number`);
  return value;
}

function usage(problem: string): never {
  console.error(problem);
  Deno.exit(2);
}
