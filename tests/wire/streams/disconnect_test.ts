import { assertEquals, assertLess } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { leaveAt, leftAlone, nothingSeen, REQUEST, WINDOWS } from "../../support/clients/departures.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

for (const window of WINDOWS) {
  const { test } = window.laterBody === undefined ? Deno : ownEngineTests("departure");
  test(`a client that leaves ${window.name} cancels the upstream request at once`, async () => {
    const seen = nothingSeen();
    await using upstream = new FakeUpstream({ script: leftAlone(window, seen) });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    await leaveAt(proxy.url, window, seen);
    const leftAt = performance.now();
    await within(seen.departure.promise, "the departure at the upstream");
    assertLess(performance.now() - leftAt, 1_000);
    const line = await proxy.logged("exchange");
    assertEquals([line["status"], line["ending"]], [499, "client_gone"]);
    assertEquals(proxy.log.filter(({ event }) => event === "fault"), [], "nobody's fault");
    assertEquals(upstream.requests.length, 1, "never tried again");
  });
}

Deno.test("departures: a client that leaves while its upload waits for a place is noticed, and never asks the upstream", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const paths: string[] = [];
  await using upstream = new FakeUpstream({
    script: async ({ request, body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      paths.push(request.target);
      arrived.resolve();
      await release.promise;
      await write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    },
  });
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    server: { concurrency: { maxExchanges: 1, maxPerPrincipal: Infinity, queueMs: 60_000 } },
  });
  const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
  const busy = fetch(`${proxy.url}/openai/v1/busy`, { method: "POST", body: "{}", headers });
  await within(arrived.promise, "the request at the upstream");
  const leaving = await RawClient.connect(proxy.url);
  await leaving.send(REQUEST.replace("/v1/chat/completions", "/v1/left"));
  // The request is here when another connection has been answered behind it.
  assertEquals(await (await fetch(`${proxy.url}/healthz`)).text(), "ok");
  leaving[Symbol.dispose]();
  const line = await within(proxy.logged("exchange"), "the departure").finally(() => release.resolve());
  assertEquals([line["path"], line["status"]], ["/openai/v1/left", 499]);
  await (await busy).text();
  assertEquals(paths.length, 1);
});
