/**
 * The soak of replicas in short: each fault once and the same books, with less time between the faults.
 * `deno task soak --replicas` runs it for minutes.
 */

import { assertEquals } from "@std/assert";
import { runReplicaSoak } from "../../bench/soak/replicas/run.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { withoutRedis } from "../../support/processes/redis_server.ts";
import { firstOf, unless } from "../../support/runner/left_out.ts";

/** For a busy machine. A quiet one has done each fault after 15 seconds. */
const MOST_SECONDS = 120;
const IN_BOTH = ["replica killed", "listening cut", "replica replaced", "database restarted"];
const KINDS = { redis: [...IN_BOTH, "limits emptied", "limits restarted"], postgres: IN_BOTH };
const REASONS = { redis: firstOf(withoutPostgres(), withoutRedis()), postgres: withoutPostgres() };

for (const limits of ["redis", "postgres"] as const) {
  Deno.test({
    ...unless(
      REASONS[limits],
      `replicas: kills and losses of servers lose no usage and pass no limit, with the limits in ${limits}`,
    ),
    async fn() {
      const lines: string[] = [];
      const problems = await runReplicaSoak({
        replicas: 2,
        limits,
        seconds: MOST_SECONDS,
        rounds: 1,
        clients: 40,
        faultMs: 500,
        say: (line) => lines.push(line),
      });
      assertEquals(problems, [], lines.join("\n"));
      const missing = KINDS[limits].filter((kind) => !lines.some((line) => line.includes(kind)));
      assertEquals(missing, [], `not done within ${MOST_SECONDS} s:\n${lines.join("\n")}`);
    },
  });
}
