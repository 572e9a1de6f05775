/** One soak of several replicas, from its start to its verdict. */

import { PostgresServer } from "../../../support/processes/postgres_server.ts";
import { RedisServer } from "../../../support/processes/redis_server.ts";
import { assertNoSecrets } from "../../../support/data/secrets.ts";
import { random } from "../../../support/data/random.ts";
import { Management } from "../management.ts";
import { readBooks, totalsOfRows } from "./books.ts";
import { Requests } from "./clients.ts";
import { compareBooks } from "./compare_books.ts";
import { breakThings } from "./faults.ts";
import { judge } from "./judge.ts";
import { limitLossesOf } from "./limit_losses.ts";
import { Provider } from "./provider.ts";
import { startReplicas, withoutOtherClock } from "./replicas.ts";
import { revokeTokens } from "./revocations.ts";
import { judgeCounts, readCounts } from "./counts.ts";
import { BUDGETS, createTokens } from "./tokens.ts";

/** How a soak is run. */
export interface ReplicaSoakOptions {
  readonly replicas: number;
  /** Where the limits are. */
  readonly limits: "redis" | "postgres";
  /** The longest time for the traffic. */
  readonly seconds: number;
  /** The traffic ends when each kind of fault was done so many times. Without it, time alone ends it. */
  readonly rounds?: number;
  readonly clients: number;
  /** Between the beginnings of two faults. Every other one is a kill. */
  readonly faultMs: number;
  /** Called with every line of the report. */
  readonly say: (line: string) => void;
}

/** The provider answers after so many milliseconds. */
const DELAY_MS = { least: 200, more: 1_800 };
/** Problems that are said; of the others there is a count. */
const MOST_PROBLEMS = 20;

/** Runs one. Returns all that was wrong. */
export async function runReplicaSoak(options: ReplicaSoakOptions): Promise<string[]> {
  const { say } = options;
  const { below } = random(1);
  await using provider = new Provider(() => DELAY_MS.least + below(DELAY_MS.more));
  await using postgres = await PostgresServer.start({ settings: ["track_commit_timestamp = on"] });
  await using redis = options.limits === "redis" ? await RedisServer.start() : undefined;
  const database = await postgres.takeDatabase();
  const folder = await Deno.makeTempDir();
  const replicas = await startReplicas(options.replicas, {
    folder,
    provider: provider.origin,
    database: postgres.url(database),
    limits: redis?.url,
  });
  const clock = withoutOtherClock() ?? "the clock of the last one is an hour ahead";
  say(`${replicas.length} replicas, limits in ${options.limits}, ${options.clients} clients; ${clock}`);
  const { project, tokens } = await createTokens(replicas[0]?.url ?? "");
  const requests = new Requests(replicas);
  const from = performance.now();
  const enough = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(options.seconds * 1_000), enough.signal]);
  // Faults and revocations that are under way end later than the load.
  let to = Infinity;
  signal.addEventListener("abort", () => to = performance.now(), { once: true });
  const { faultMs: everyMs, rounds = Infinity } = options;
  const [faults, revocations] = await Promise.all([
    breakThings({ replicas, postgres, database, redis }, { everyMs, rounds, signal, say })
      .finally(() => enough.abort()),
    revokeTokens({ replicas, requests, project, signal }),
    requests.run(tokens, options.clients, signal),
  ]);
  to = Math.min(to, performance.now());
  const problems = [...provider.problems];
  for (const [index, replica] of replicas.entries()) {
    const counted = await new Management(replica.url).exchangesCounted();
    const own = requests.seen.filter(({ life, status }) => life === replica.life && status !== 401).length;
    if (counted !== own) {
      problems.push(`replica ${index} counts ${counted} exchanges, and clients saw ${own}`);
    }
    await replica.stop();
    assertNoSecrets(replica.output, "the output of a replica");
  }
  const books = await readBooks(postgres, database);
  const limited = tokens.filter(({ name }) => name in BUDGETS);
  const counts = await readCounts({ postgres, database, redis }, limited.map(({ id }) => id));
  const { bill } = provider;
  const compared = compareBooks({
    bill,
    seen: requests.seen,
    books,
    aways: faults.filter(({ kind }) => kind === "database restarted"),
  });
  const verdict = judge({
    seen: requests.seen,
    bill,
    lost: compared.lost,
    slots: provider.atOnce.get("slots") ?? new Map(),
    revocations,
    faults,
    replicas: replicas.length,
    from,
    to,
    losses: replicas.flatMap(limitLossesOf),
    isRedis: redis !== undefined,
  });
  const counted = judgeCounts(limited, { counts, books, bill, lost: compared.lost });
  await Deno.remove(folder, { recursive: true });
  const total = totalsOfRows(books.rows);
  say(
    `${requests.seen.length} requests: ${bill.size} on the bill, ${total.requests} rows, ` +
      `${total.outputTokens} tokens, ${total.micros} micro-dollars`,
  );
  say(
    `lost by kills: ${compared.lost.size} on the bill, the oldest ended ` +
      `${Math.round(compared.oldestLostMs)} ms before; and ${compared.lostRejections} rejections`,
  );
  const { p50, p99, most } = compared.unwrittenMs;
  say(`rows are in the database after ${p50} ms (half of them), ${p99} ms (99 %) and ${most} ms (all)`);
  for (const figure of [...verdict.figures, ...counted.figures]) say(`  ${figure}`);
  problems.push(...compared.problems, ...verdict.problems, ...counted.problems);
  const more = problems.length - MOST_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `… and ${more} more`] : problems;
}
