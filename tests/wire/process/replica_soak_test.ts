/** The soak of replicas in short: the same faults and the same books, with less time between the faults. */

import { assertEquals } from "@std/assert";
import { runReplicaSoak } from "../../bench/soak/replicas/run.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { withoutRedis } from "../../support/processes/redis_server.ts";
import { firstOf, unless } from "../../support/runner/left_out.ts";

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
        seconds: 18,
        clients: 40,
        faultMs: 500,
        say: (line) => lines.push(line),
      });
      assertEquals(problems, [], lines.join("\n"));
    },
  });
}
