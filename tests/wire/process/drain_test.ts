import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { UnexpectedEnd } from "../../support/clients/http_reader.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ASK = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer ${SECRETS.proxyToken}\r\n\r\n`;

/** An upstream whose stream goes on until the test says so. */
function heldUpstream(): { upstream: FakeUpstream; release: () => void } {
  const released = Promise.withResolvers<void>();
  const upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      await released.promise;
      await exchange.write("4\r\nlast\r\n0\r\n\r\n");
    },
  });
  return { upstream, release: released.resolve };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    ...unless(withoutUnix(), `${signal}: a running stream ends whole, a new request is refused, exit 0`),
    fn: async () => {
      const held = heldUpstream();
      await using upstream = held.upstream;
      await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
      using client = await RawClient.connect(proxy.url);
      await client.send(ASK("/openai/v1/models"));
      const head = await client.head();
      const body = client.reader.body(head.headers, { untilClose: false });
      let text = new TextDecoder().decode((await body.next()).value);
      proxy.kill(signal);
      await proxy.logged(({ event }) => event === "draining");
      await assertRejects(() => fetch(`${proxy.url}/healthz`), TypeError);
      held.release();
      for await (const piece of body) text += new TextDecoder().decode(piece);
      assertEquals(text, "firstlast");
      assertEquals(await proxy.exited(), 0);
      await proxy.logged(({ event }) => event === "stopped");
    },
  });

  Deno.test({
    ...unless(withoutUnix(), `a second ${signal} ends at once`),
    fn: async () => {
      const held = heldUpstream();
      await using upstream = held.upstream;
      const proxy = await ProxyProcess.start({ upstream: upstream.origin });
      using client = await RawClient.connect(proxy.url);
      await client.send(ASK("/openai/v1/models"));
      await client.head();
      proxy.kill(signal);
      await proxy.logged(({ event }) => event === "draining");
      proxy.kill(signal);
      assertEquals(await proxy.exited(), signal === "SIGINT" ? 130 : 143);
      held.release();
    },
  });
}

Deno.test({
  ...unless(
    withoutUnix(),
    "DRAIN_DELAY_SECONDS: after SIGTERM /readyz is 503, and requests go on until the delay ends",
  ),
  fn: async () => {
    await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("ok")) });
    await using proxy = await ProxyProcess.start({
      upstream: upstream.origin,
      env: { DRAIN_DELAY_SECONDS: "1" },
    });
    const statusOf = async (path: string) => {
      const response = await fetch(`${proxy.url}${path}`, {
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await statusOf("/readyz"), 200);
    proxy.kill("SIGTERM");
    await proxy.logged(({ event }) => event === "leaving");
    assertEquals([await statusOf("/readyz"), await statusOf("/healthz")], [503, 200]);
    assertEquals(await statusOf("/openai/v1/models"), 200);
    await proxy.logged(({ event }) => event === "draining");
    await assertRejects(() => fetch(`${proxy.url}/healthz`), TypeError);
    assertEquals(await proxy.exited(), 0);
  },
});

Deno.test("a request pipelined behind a running stream goes nowhere once draining has begun", async () => {
  const held = heldUpstream();
  await using upstream = held.upstream;
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, drainMs: 10_000 });
  using client = await RawClient.connect(proxy.url);
  await client.send(ASK("/openai/v1/models"));
  await client.head();
  await client.send(ASK("/openai/v1/models"));
  const drained = proxy.drain();
  held.release();
  await drained;
  assertEquals(upstream.requests.length, 1);
});

Deno.test("the drain deadline cuts what is still running, so that it does not look finished", async () => {
  const held = heldUpstream();
  await using upstream = held.upstream;
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, drainMs: 50 });
  using client = await RawClient.connect(proxy.url);
  await client.send(ASK("/openai/v1/models"));
  const head = await client.head();
  await proxy.drain();
  const pieces = Array.fromAsync(client.reader.body(head.headers, { untilClose: false }));
  await assertRejects(() => pieces, UnexpectedEnd);
  assertEquals((await proxy.logged("drain_deadline"))["in_flight"], 1);
  held.release();
});

Deno.test("a client that never reads does not keep the proxy from ending", async () => {
  const piece = "x".repeat(64 * 1024);
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
      while (true) await exchange.write(piece);
    },
  });
  const proxy = await ProxyProcess.start({ upstream: upstream.origin, env: { DRAIN_SECONDS: "1" } });
  using client = await RawClient.connect(proxy.url);
  await client.send(ASK("/openai/v1/models"));
  await client.head();
  assertEquals(await proxy.stop(), 0);
});

Deno.test("an idle proxy stops at once", async () => {
  await using upstream = new FakeUpstream();
  const proxy = await ProxyProcess.start({ upstream: upstream.origin });
  using client = await RawClient.connect(proxy.url);
  await client.send("GET /healthz HTTP/1.1\r\nHost: proxy.test\r\n\r\n");
  assertEquals((await client.answer()).text, "ok");
  assertEquals(await proxy.stop(), Deno.build.os === "windows" ? 1 : 0);
  assert(!proxy.output.includes("drain_deadline"));
});
