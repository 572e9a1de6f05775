/**
 * A rollout: three replicas of an older version are replaced by the version of today, one after the other,
 * under traffic. Between two steps, replicas of both versions serve requests and make changes side by side.
 */

import { PostgresServer } from "../../../support/processes/postgres_server.ts";
import { RedisServer } from "../../../support/processes/redis_server.ts";
import { assertNoSecrets } from "../../../support/data/secrets.ts";
import { random } from "../../../support/data/random.ts";
import { pause, Requests } from "../replicas/clients.ts";
import { readBooks, totalsOfRows } from "../replicas/books.ts";
import { compareBooks } from "../replicas/compare_books.ts";
import { judge } from "../replicas/judge.ts";
import { limitLossesOf } from "../replicas/limit_losses.ts";
import { Provider } from "../replicas/provider.ts";
import { type SoakedReplica, startReplicas } from "../replicas/replicas.ts";
import { revokeTokens } from "../replicas/revocations.ts";
import { createTokens } from "../replicas/tokens.ts";
import { commandOf, haveSameLimits, schemaOf, unpackCommit } from "./old_program.ts";

/** How a rollout is run. */
export interface RolloutOptions {
  /** The commit of the older version. */
  readonly from: string;
  /** Where the limits are. */
  readonly limits: "redis" | "postgres";
  readonly clients: number;
  /** Between two steps. In milliseconds. */
  readonly stepMs: number;
  /** Called with every line of the report. */
  readonly say: (line: string) => void;
}

const ROOT = new URL("../../../../", import.meta.url).pathname;
const DELAY_MS = { least: 50, more: 300 };
const MOST_PROBLEMS = 20;

/** Runs one. Returns all that was wrong. */
export async function runRollout(options: RolloutOptions): Promise<string[]> {
  const { say, from: commit, stepMs } = options;
  const { below } = random(1);
  const folder = await Deno.makeTempDir();
  const sources = `${folder}/old`;
  await Deno.mkdir(sources);
  await unpackCommit(commit, sources);
  const [old, now] = [commandOf(sources), commandOf(ROOT)];
  const countings = await haveSameLimits([sources, ROOT], options.limits) ? 1 : 2;
  say(
    `from ${commit} (schema ${await schemaOf(sources)}) to schema ${await schemaOf(ROOT)}, ` +
      `limits in ${options.limits} with ${countings === 1 ? "one version" : "two versions"}`,
  );

  await using provider = new Provider(() => DELAY_MS.least + below(DELAY_MS.more));
  await using postgres = await PostgresServer.start({ settings: ["track_commit_timestamp = on"] });
  await using redis = options.limits === "redis" ? await RedisServer.start() : undefined;
  await postgres.admin("CREATE DATABASE rollout");
  const replicas = await startReplicas(3, {
    folder,
    provider: provider.origin,
    database: postgres.url("rollout"),
    limits: redis?.url,
    program: old,
  });
  const { project, tokens } = await createTokens(replicas[0]?.url ?? "");
  const requests = new Requests(replicas);
  const from = performance.now();
  const end = new AbortController();
  const { signal } = end;
  const step = async (what: string, replica: SoakedReplica | undefined, program: typeof old) => {
    await pause(stepMs, signal);
    if (replica === undefined) return;
    const begun = performance.now();
    await replica.stop();
    replica.program = program;
    await replica.start();
    say(
      `  ${((begun - from) / 1_000).toFixed(1).padStart(6)} s  ${what}, in ${
        Math.round(performance.now() - begun)
      } ms`,
    );
  };
  const steps = async () => {
    const [first, second, third] = replicas;
    await step("the first replica has the new version, and migrates the schema", first, now);
    await step("the second replica has started again, with the old version", second, old);
    await step("the second replica has the new version", second, now);
    await step("the third replica has the new version", third, now);
    await pause(stepMs, signal);
  };
  const [, revocations] = await Promise.all([
    steps().finally(() => end.abort()),
    revokeTokens({ replicas, requests, project, signal }),
    requests.run(tokens, options.clients, signal),
  ]);
  const to = performance.now();
  for (const replica of replicas) {
    await replica.stop();
    assertNoSecrets(replica.output, "the output of a replica");
  }
  const books = await readBooks(postgres, "rollout");
  const { bill } = provider;
  const { seen } = requests;
  const compared = compareBooks({ bill, seen, books, aways: [] });
  const verdict = judge({
    seen,
    bill,
    lost: compared.lost,
    slots: provider.atOnce.get("slots") ?? new Map(),
    revocations,
    faults: [],
    replicas: replicas.length,
    from,
    to,
    losses: replicas.flatMap(limitLossesOf),
    isRedis: redis !== undefined,
    countings,
  });
  await Deno.remove(folder, { recursive: true });
  const total = totalsOfRows(books.rows);
  say(
    `${seen.length} requests: ${bill.size} on the bill, ${total.requests} rows, ${total.micros} micro-dollars`,
  );
  const slowest = seen.reduce((most, one) => Math.max(most, one.endedAt - one.begunAt), 0);
  say(`  the slowest request took ${Math.round(slowest)} ms`);
  for (const figure of verdict.figures) say(`  ${figure}`);
  const problems = [...provider.problems, ...compared.problems, ...verdict.problems];
  const more = problems.length - MOST_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `… and ${more} more`] : problems;
}
