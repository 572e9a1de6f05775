/** TCP keepalive on the connections of the proxy, as the kernel shows it. */

import { assertEquals } from "@std/assert";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { unless, withoutProc } from "../../support/runner/left_out.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

/** A timer of a connection in `/proc/net/tcp`: `00` is none, `02` is keepalive. */
const KEEPALIVE = "02";

/** The timers of established connections at one end of which is a port. */
function timers(end: "local" | "remote", port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").slice(1).flatMap((line) => {
    const [, local = "", remote = "", state, , timer = ""] = line.trim().split(/\s+/);
    const isWanted = state === "01" && (end === "local" ? local : remote).endsWith(`:${wanted}`);
    return isWanted ? [timer.slice(0, 2)] : [];
  });
}

Deno.test({
  ...unless(withoutProc(), "TCP keepalive: on towards the upstream, and towards a client of plain HTTP"),
  async fn() {
    await using upstream = new FakeUpstream({ script: (exchange) => exchange.peerClosed() });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { engine: "own" } });
    using client = await RawClient.connect(proxy.url);
    await client.send(
      `GET /openai/v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${SECRETS.proxyToken}\r\n\r\n`,
    );
    await until(() => upstream.requests.length === 1, "the request at the upstream");
    for (const [end, url] of [["remote", upstream.origin], ["local", proxy.url]] as const) {
      const port = Number(new URL(url).port);
      // A packet that is not yet acknowledged has another timer.
      await until(() => timers(end, port).every((timer) => timer !== "01"), "the acknowledgements");
      assertEquals(timers(end, port), [KEEPALIVE], url);
    }
  },
});
