import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import type { SharedLimits } from "../../../src/limits/shared/shared_limits.ts";
import { RedisLimitsServer } from "../../../src/limits/shared/redis/redis_server.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import type { FakeClock } from "../../support/time/fake_clock.ts";
import { sharedContract } from "./contract.ts";
import { loadTests } from "./load.ts";
import { sameAsModel } from "./same_as_model.ts";

let server: RedisServer | undefined;
let opened = 0;

Deno.test.beforeAll(async () => {
  if (withoutRedis() === undefined) server = await RedisServer.start();
});

Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

async function open(clock: FakeClock): Promise<SharedLimits> {
  if (server === undefined) throw new Error("the server has not started");
  return new RemoteLimits(
    await RedisLimitsServer.open(server.place, { prefix: `{test${++opened}}:`, now: clock.epochMs }),
  );
}

sharedContract("RedisLimits", { reason: withoutRedis(), open });
sameAsModel("RedisLimits", { reason: withoutRedis(), open }, 40);
loadTests("RedisLimits", {
  reason: withoutRedis(),
  async open() {
    if (server === undefined) throw new Error("the server has not started");
    return new RemoteLimits(await RedisLimitsServer.open(server.place, { prefix: "{load}:" }));
  },
});
