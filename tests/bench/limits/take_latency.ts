/**
 * Measures what shared limits add to a request, for each adapter: `deno run -A
 * tests/bench/limits/take_latency.ts`. Each request counts for its token and its project, with all kinds of
 * limits, as the first one alone and then with others at the same time.
 */

import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { connectLimits } from "../../../src/limits/shared/postgres/connect_limits.ts";
import { PostgresLimitsServer } from "../../../src/limits/shared/postgres/postgres_server.ts";
import { RedisLimitsServer } from "../../../src/limits/shared/redis/redis_server.ts";
import { OwnCosts } from "../../../src/limits/shared/own_costs.ts";
import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import { type SharedLimits, type Take, TELLING_MS } from "../../../src/limits/shared/shared_limits.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { PostgresServer } from "../../support/processes/postgres_server.ts";
import { RedisServer } from "../../support/processes/redis_server.ts";

const calendar = new BudgetCalendar({ timeZone: "UTC", window: "calendar" });
const LIMITS = {
  requestsPerMinute: 1e9,
  tokensPerMinute: 1e9,
  concurrentRequests: 1e6,
  dayBudgetMicros: 1e12,
  monthBudgetMicros: 1e12,
};

const FROM = { replica: "a", session: 1 };

function takeOf(id: string, token: number): Take {
  const hour = hourOf(Date.now());
  const keys = [`token:${token}`, "project:1"];
  return {
    id,
    from: FROM,
    ledgers: keys.map((key) => ({ key, limits: LIMITS, maxRequests: undefined })),
    reservation: { tokens: 100, micros: 500, mostMicros: 900 },
    isFree: false,
    hour,
    spans: calendar.spans(hour),
  };
}

async function measure(name: string, limits: SharedLimits): Promise<void> {
  await limits.renew({ from: FROM, waitsMark: 0 });
  // Until then, requests under a budget wait.
  await new Promise((resolve) => setTimeout(resolve, TELLING_MS));
  const renewing = setInterval(() => void limits.renew({ from: FROM, waitsMark: 0 }), 2_000);
  const keys = [...Array.from({ length: 50 }, (_, token) => `token:${token}`), "project:1"];
  const hour = hourOf(Date.now());
  // A month of spending in each hour.
  const hours = Array.from({ length: 700 }, (_, age) => ({ start: hour - age * 3_600_000, micros: 10 }));
  const costs = new OwnCosts();
  for (const key of keys) {
    const balances = [{ key, requests: 0, totalMicros: 7_000, hours }];
    await limits.raise({ from: FROM, balances, pages: {} });
  }
  for (const atOnce of [1, 10, 50]) {
    const took: number[] = [];
    let last = 0;
    const count = 4_000;
    const begin = performance.now();
    await Promise.all(Array.from({ length: atOnce }, async (_, client) => {
      for (let sent = 0; sent < count / atOnce; sent++) {
        const id = `${atOnce}.${++last}`;
        const start = performance.now();
        const take = takeOf(id, client);
        const { kind } = await limits.take(take);
        took.push(performance.now() - start);
        if (kind !== "taken") throw new Error(kind);
        // A new page four times a second, as the writer of usage makes them.
        const page = Math.floor((start - begin) / 250) + 1;
        const settled = costs.add(take.ledgers.map(({ key }) => key), { page, hour, micros: 500 });
        await limits.settle({ from: FROM, id, tokens: 100, costs: settled });
      }
    }));
    const seconds = (performance.now() - begin) / 1_000;
    took.sort((one, other) => one - other);
    const at = (part: number) => (took[Math.floor(took.length * part)] ?? 0).toFixed(2);
    console.log(
      `${name}, ${atOnce} at the same time: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
        `${Math.round(count / seconds)} requests/s`,
    );
  }
  clearInterval(renewing);
  await limits.close();
}

await measure("in memory", new MemoryLimits(systemClock));
await using redis = await RedisServer.start();
await measure("Redis", new RemoteLimits(await RedisLimitsServer.open(redis.place)));
await using postgres = await PostgresServer.start({
  settings: ["synchronous_commit = on", "fsync = on", "autovacuum = on"],
});
const url = postgres.url("postgres");
await measure(
  "PostgreSQL",
  new RemoteLimits(new PostgresLimitsServer({ connect: () => connectLimits(url) })),
);
