import { assertEquals } from "@std/assert";
import { joinReplicas } from "../../../src/management/join_replicas.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import { unless } from "../../support/runner/left_out.ts";
import { within } from "../../support/time/deadline.ts";

Deno.test({
  ...unless(withoutRedis(), "joinReplicas: a server that may evict counts is logged"),
  async fn() {
    await using server = await RedisServer.start();
    assertEquals(await server.send("CONFIG SET maxmemory-policy volatile-lru"), "+OK");
    const { promise, resolve } = Promise.withResolvers<string>();
    const nothing = () => Promise.resolve([]);
    const { replica } = await joinReplicas({ readSpending: nothing, readNotes: nothing }, {
      config: { server: { kind: "redis", ...server.place }, onLoss: "go_on" },
      clock: systemClock,
      log: (level, event, { detail } = {}) => resolve(`${level} ${event}: ${detail}`),
    });
    assertEquals(
      await within(promise, "the warning", 10_000),
      "warn limits_may_be_lost: the server of the limits has maxmemory-policy volatile-lru, and may drop counts " +
        "when its memory is full; set maxmemory-policy noeviction",
    );
    await replica.close();
  },
});
