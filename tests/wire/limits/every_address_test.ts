/** A proxy that listens on every address sees each client by its plain address. */

import { assertEquals } from "@std/assert";
import type { ServerConfig } from "../../../src/config/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { unless, withoutIpv6 } from "../../support/runner/left_out.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

/** Asks the proxy at an address of this machine. Returns the status, and the client that the log names. */
async function askAt(
  hostname: string,
  server: Partial<ServerConfig> = {},
  headers: Record<string, string> = {},
): Promise<[status: number, client: unknown]> {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { host: "::", ...server },
  });
  const response = await fetch(`http://${hostname}:${new URL(proxy.url).port}/openai/v1/models`, {
    headers: { authorization: `Bearer ${SECRETS.proxyToken}`, ...headers },
  });
  await response.body?.cancel();
  return [response.status, (await proxy.logged("exchange")).client];
}

for (
  const [what, hostname, server, headers, expected] of [
    ["an IPv4 client has its IPv4 address", "127.0.0.1", {}, {}, [200, "127.0.0.1"]],
    ["an IPv6 client has its IPv6 address", "[::1]", {}, {}, [200, "::1"]],
    ["allowed_ips knows IPv4 clients", "127.0.0.1", { allowedIps: ["127.0.0.0/8"] }, {}, [200, "127.0.0.1"]],
    ["allowed_ips rejects IPv4 clients", "127.0.0.1", { allowedIps: ["::1"] }, {}, [403, "127.0.0.1"]],
    [
      "trusted_proxies knows IPv4 proxies",
      "127.0.0.1",
      { trustedProxies: ["127.0.0.1"] },
      { "x-forwarded-for": "::ffff:192.0.2.7" },
      [200, "192.0.2.7"],
    ],
  ] as readonly (readonly [
    string,
    string,
    Partial<ServerConfig>,
    Record<string, string>,
    [number, string],
  ])[]
) {
  Deno.test({
    ...unless(hostname === "[::1]" ? withoutIpv6() : undefined, `every address: ${what}`),
    async fn() {
      assertEquals(await askAt(hostname, server, headers), expected);
    },
  });
}
