import { assertEquals, assertMatch } from "@std/assert";
import type { SharedLimitsConfig } from "../../../src/config/config.ts";
import { openSharedLimits } from "../../../src/limits/shared/open_shared_limits.ts";

/** The version of the counts on a server, which is not connected to. */
async function versionAt(server: SharedLimitsConfig["server"]): Promise<string | undefined> {
  const { limits, limitsVersion } = await openSharedLimits({ server, onLoss: "go_on" });
  await limits.close();
  return limitsVersion;
}

function redis(port: number, more: { database?: number; password?: string } = {}) {
  return versionAt({ kind: "redis", at: { hostname: "127.0.0.1", port, tls: false }, ...more });
}

function postgres(place: string) {
  return versionAt({ kind: "postgres", url: `postgres://${place}` });
}

Deno.test("openSharedLimits: the counts of two servers are not the same, also if they have the same version", async () => {
  const first = await redis(1);
  assertMatch(first ?? "", /^v[0-9a-f]{8}-[0-9a-f]{8}$/);
  assertEquals(await redis(1, { database: 0, password: "x" }), first);
  const others = [
    await redis(2),
    await redis(1, { database: 1 }),
    await versionAt({ kind: "redis", at: { path: "/none" } }),
    await postgres("anna@127.0.0.1:1/one"),
    await postgres("anna@127.0.0.1:1/other"),
  ];
  assertEquals(new Set([first, ...others]).size, 6);
  assertEquals(await postgres("ben:secret@127.0.0.1:1/one?sslmode=disable"), others[3]);
});
