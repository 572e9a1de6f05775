import { assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

Deno.test("max_concurrent_per_token: where no token is asked for, each address has places of its own", async () => {
  const go = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/waits")) await go.promise;
      await exchange.write(plainAnswer("hello"));
    },
  });
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    auth: { mode: "none" },
    server: {
      trustedProxies: ["127.0.0.1"],
      concurrency: { maxExchanges: 10, maxPerPrincipal: 1, queueMs: 0 },
    },
  });
  using _released = { [Symbol.dispose]: () => go.resolve() };
  const send = async (client: RawClient, path: string, address: string) =>
    await client.send(
      `GET /openai/v1${path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${address}\r\n\r\n`,
    );
  using first = await RawClient.connect(proxy.url);
  const arriving = upstream.nextRequest();
  await send(first, "/waits", "192.0.2.1");
  await arriving;
  for (const [address, status] of [["192.0.2.1", 503], ["192.0.2.2", 200]] as const) {
    using other = await RawClient.connect(proxy.url);
    await send(other, "/x", address);
    assertEquals((await other.answer()).status, status, address);
  }
  go.resolve();
  assertEquals((await first.answer()).status, 200);
});
