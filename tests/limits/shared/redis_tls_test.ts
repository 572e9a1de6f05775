/** A Redis server with TLS, and the authorities that a URL names. */

import { assertEquals, assertRejects } from "@std/assert";
import { RedisLimitsServer } from "../../../src/limits/shared/redis/redis_server.ts";
import { readRedisUrl } from "../../../src/network/redis_url.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";

const TLS = new URL("../../support/tls", import.meta.url).pathname;

function placeOf(url: string): NonNullable<ReturnType<typeof readRedisUrl>> {
  const place = readRedisUrl(url);
  if (place === undefined) throw new TypeError("not a URL of Redis");
  return place;
}

Deno.test({
  ...unless(withoutRedis(), "redis: rediss:// trusts the authorities of ssl_ca_certs alone"),
  // The driver waits before it connects again, and does not end the wait when it is closed.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using server = await RedisServer.start({ tls: { cert: `${TLS}/cert.pem`, key: `${TLS}/key.pem` } });
    const url = `rediss://localhost:${server.port}`;
    const trusting = await RedisLimitsServer.open(placeOf(`${url}?ssl_ca_certs=${TLS}/ca.pem`));
    await until(async () => await trusting.evictionPolicy() === "noeviction", "an answer");
    await trusting.close();
    for (const parameters of ["", `?ssl_ca_certs=${TLS}/other_ca.pem`]) {
      const limits = await RedisLimitsServer.open(placeOf(url + parameters));
      await assertRejects(() => limits.call("renew", {}), Error, "certificate");
      await limits.close();
    }
    await assertRejects(
      () => RedisLimitsServer.open(placeOf(`${url}?ssl_ca_certs=/none.pem`)),
      StoreError,
      "the file of ssl_ca_certs (/none.pem) cannot be read",
    );
  },
});

Deno.test("readRedisUrl: the one parameter is a file of authorities, and only with TLS", () => {
  assertEquals(readRedisUrl("rediss://h?ssl_ca_certs=/ca.pem")?.at, {
    hostname: "h",
    port: 6379,
    tls: true,
    caFile: "/ca.pem",
  });
  for (
    const parameters of ["redis://h?ssl_ca_certs=/ca.pem", "rediss://h?ssl_ca_certs=", "rediss://h?db=1"]
  ) {
    assertEquals(readRedisUrl(parameters), undefined, parameters);
  }
});
