/** Two processes with two threads each, on one PostgreSQL database. They share limits, tokens and usage. */

import { assert, assertEquals } from "@std/assert";
import { Management } from "../../bench/soak/management.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { billedUpstream, COST, counts, MANY, status } from "../../support/proxies/billed_requests.ts";
import { makeToken, ObjectProxies, spentBy, usageOf } from "../../support/proxies/object_proxy.ts";
import { firstOf, unless, withoutLinux } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";

for (const limits of ["redis", "postgres"] as const) {
  Deno.test({
    ...unless(
      firstOf(withoutLinux(), withoutPostgres(), withoutRedis()),
      `replicated workers: limits, budgets, tokens and usage hold over two threads of two processes (${limits})`,
    ),
    async fn() {
      await using redis = await RedisServer.start();
      await using upstream = billedUpstream();
      await inDatabase(async (url) => {
        await using folder = await ObjectProxies.at(upstream.origin);
        const env = {
          WORKERS: "2",
          DATABASE_URL: url,
          ENCRYPTION_KEY: new Uint8Array(32).fill(7).toBase64(),
          ...(limits === "redis" && { LIMITS_URL: redis.url }),
        };
        const proxies = [await folder.start(env), await folder.start(env)];
        const [one, other] = proxies;
        assert(one !== undefined && other !== undefined);

        const limited = await makeToken(one, "limited", { limits: { requests_per_minute: 7 } });
        const counted = await makeToken(one, "counted", { max_requests: 5 });
        const poor = await makeToken(one, "poor", { budget: { total_usd: 10 * COST / 1_000_000 } });
        const anna = await makeToken(one, "anna");
        const last = await makeToken(one, "last");
        await until(async () => await status(other, last) === 200, "the new tokens at the other process");

        assertEquals(await counts(proxies, limited), { 200: 7, 429: 2 * MANY - 7 });

        assertEquals(await counts(proxies, counted), { 200: 5, 429: 2 * MANY - 5 });

        // A request holds what it may cost until a moment after its response, and its row is written later.
        await until(async () => {
          await counts(proxies, poor, 5);
          return await spentBy(one, poor) >= 10 * COST;
        }, "the rows of requests for the whole budget");
        assert(await spentBy(one, poor) <= 11 * COST, `more than ${11 * COST} micro-dollars`);
        assertEquals([await status(one, poor), await status(other, poor)], [429, 429]);

        assertEquals(await counts(proxies, anna), { 200: 2 * MANY });
        await until(
          async () => (await usageOf(one, anna)).requests === 2 * MANY,
          "the usage of both processes",
        );
        assertEquals((await usageOf(other, anna)).cost_micros, 2 * MANY * COST);
        await new Management(one.url).ask("DELETE", `/tokens/${anna.id}`);
        const revoked = performance.now();
        await until(async () => await status(other, anna) === 401, "the other process to reject the token");
        assert(performance.now() - revoked < 1_000, "within a second");
        assertEquals(await counts(proxies, anna), { 401: 2 * MANY });
      });
    },
  });
}
