/**
 * How much clients may do at the same time, and how slowly; one that stalls is cut without touching the
 * others.
 */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import type { ConcurrencyLimits, ConnectionLimits } from "../../../src/config/config.ts";
import { until, within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { gather, writeAll } from "../../support/clients/http_reader.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const ownEngine = ownEngineTests("connections");

const HEAD = `Host: p\r\nX-Api-Key: ${SECRETS.proxyToken}\r\n`;
const GET = `GET /openai/v1/x HTTP/1.1\r\n${HEAD}\r\n`;
const SWEEP_MS = 50;

interface Limits {
  readonly connections?: Partial<ConnectionLimits>;
  readonly concurrency?: Partial<ConcurrencyLimits>;
}

function limited(
  { connections, concurrency }: Limits,
  more: LocalProxyOptions["server"] = {},
): LocalProxyOptions {
  return {
    apiKey: SECRETS.openaiKey,
    sweepMs: SWEEP_MS,
    server: {
      connections: { ...DEFAULT_SERVER_SETTINGS.connections, ...connections },
      concurrency: { ...DEFAULT_SERVER_SETTINGS.concurrency, ...concurrency },
      ...more,
    },
  };
}

const HELLO: Script = async (exchange) => {
  await gather(exchange.body());
  await exchange.write(plainAnswer("hello"));
};

/** Resolves when the proxy has ended the connection; gives what came before that. */
async function ended(client: RawClient): Promise<string> {
  let text = "";
  const piece = new Uint8Array(4096);
  while (true) {
    const count = await within(client.connection.read(piece).catch(() => null), "the end of the connection");
    if (count === null) return text;
    text += new TextDecoder().decode(piece.subarray(0, count));
  }
}

ownEngine.test("a head that does not come in time ends its connection, whole or in part, and others are served meanwhile", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(upstream, limited({ connections: { headMs: 300 } }));
  using silent = await RawClient.connect(proxy.url);
  using slow = await RawClient.connect(proxy.url);
  await slow.send("GET /openai/v1/x HTTP/1.1\r\nX-Slow: ");
  const begin = performance.now();
  // Byte by byte: each is in time, the whole is not.
  const dripping = (async () => {
    while (true) {
      await slow.send("x");
      await passing(40, { why: "the client is slow" });
    }
  })().catch(() => {});
  const gone = Promise.all([ended(silent), ended(slow)]);
  assertEquals(
    (await rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", `X-Api-Key: ${SECRETS.proxyToken}`])).text,
    "hello",
  );
  assertEquals(await gone, ["", ""]);
  assert(performance.now() - begin >= 300);
  await within(dripping, "the end of the slow client");
});

ownEngine.test("a connection that is idle between requests is closed after its time", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(upstream, limited({ connections: { idleMs: 200 } }));
  using client = await RawClient.connect(proxy.url);
  await client.send(GET);
  assertEquals((await client.answer()).text, "hello");
  assertEquals(await ended(client), "");
});

for (const how of ["while it is forwarded", "while it is held to be changed"] as const) {
  ownEngine.test(`an upload that pauses too long ${how} is a 408, and the upstream is let go`, async () => {
    await using upstream = new FakeUpstream({ script: HELLO });
    await using proxy = new LocalProxy(upstream, limited({ connections: { uploadMs: 200 } }));
    if (how === "while it is held to be changed") {
      const [endpoint, ...others] = proxy.config.endpoints;
      assert(endpoint !== undefined);
      const model = { byName: new Map<string, string>(), otherwise: "other" };
      const backends = endpoint.backends.map((backend) => ({ ...backend, model }));
      proxy.configure({ ...proxy.config, endpoints: [{ ...endpoint, backends }, ...others] });
    }
    using client = await RawClient.connect(proxy.url);
    await client.send(`POST /openai/v1/x HTTP/1.1\r\n${HEAD}Content-Length: 200000\r\n\r\n{"model":`);
    const answer = await client.answer("POST");
    assertEquals([answer.status, answer.header("x-llm-proxy-error")], [408, "request_timeout"]);
    assertEquals(await ended(client), "");
    assertEquals((await proxy.logged("exchange")).ending, "request_timeout");
  });
}

ownEngine.test("an upload that stands still while the proxy shuts down is a 408 after its time", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  const options = limited({ connections: { uploadMs: 200 } });
  await using proxy = new LocalProxy(upstream, { ...options, drainMs: 5_000 });
  using client = await RawClient.connect(proxy.url);
  await client.send(`POST /openai/v1/x HTTP/1.1\r\n${HEAD}Content-Length: 200000\r\n\r\n{"model":`);
  await until(() => upstream.requests.length === 1, "the request at the upstream");
  const drained = proxy.drain();
  assertEquals((await client.answer("POST")).status, 408);
  await drained;
  assertEquals(proxy.log.filter(({ event }) => event === "drain_deadline"), []);
});

Deno.test("an upload that goes on slowly, but goes on, is forwarded whole", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(upstream, limited({ connections: { uploadMs: 1_000 } }));
  using client = await RawClient.connect(proxy.url);
  await client.send(`POST /openai/v1/x HTTP/1.1\r\n${HEAD}Content-Length: 8\r\n\r\n`);
  for (const letter of "slowness") {
    await client.send(letter);
    await passing(150, { why: "the client is slow" });
  }
  assertEquals((await client.answer("POST")).text, "hello");
});

Deno.test("a client that takes nothing of its answer is cut, its upstream let go, and others are served meanwhile", async () => {
  const left = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/x")) return await exchange.write(plainAnswer("hello"));
      await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
      const piece = new Uint8Array(1024 * 1024);
      try {
        for (let sent = 0; sent < 1_000; sent++) await exchange.write(piece);
      } finally {
        left.resolve();
      }
    },
  });
  await using proxy = new LocalProxy(upstream, limited({ connections: { sendMs: 300 } }));
  using client = await RawClient.connect(proxy.url);
  await client.send(`GET /openai/v1/endless HTTP/1.1\r\n${HEAD}\r\n`);
  assertEquals(
    (await rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", `X-Api-Key: ${SECRETS.proxyToken}`])).text,
    "hello",
  );
  await within(left.promise, "the end of the upstream's connection");
  const line = () => proxy.log.find(({ path }) => path === "/openai/v1/endless");
  await until(() => line() !== undefined, "the line of the endless answer");
  assertEquals(line()?.ending, "client_gone");
});

ownEngine.test("max_header_bytes and max_header_fields hold for the request's head", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(
    upstream,
    limited({ connections: { maxHeadBytes: 1_000, maxHeadFields: 10 } }),
  );
  const ask = (...lines: string[]) =>
    rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", `X-Api-Key: ${SECRETS.proxyToken}`, ...lines]);
  assertEquals((await ask(`X-A: ${"a".repeat(700)}`)).status, 200);
  const long = await ask(`X-A: ${"a".repeat(1_000)}`);
  assertEquals([long.status, long.header("x-llm-proxy-error")], [431, "headers_too_large"]);
  using endless = await RawClient.connect(proxy.url);
  await endless.send(`GET /openai/v1/x HTTP/1.1\r\nX-A: ${"a".repeat(1_000)}`);
  assertEquals((await within(endless.answer(), "the refusal of a head without an end")).status, 431);
  assertEquals((await ask(...Array.from({ length: 7 }, () => "X: 1"))).status, 200);
  assertEquals((await ask(...Array.from({ length: 8 }, () => "X: 1"))).status, 431);
});

ownEngine.test("what comes behind a running request is kept up to 256 KiB; beyond it the client is cut, and its upstream let go", async () => {
  const go = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/cut")) {
        await exchange.peerClosed();
        return left.resolve();
      }
      await gather(exchange.body());
      await go.promise;
      await exchange.write(plainAnswer("hello"));
    },
  });
  await using proxy = new LocalProxy(upstream, limited({}));
  // Also where something fails: the upstream's end waits for its scripts.
  using _released = { [Symbol.dispose]: () => go.resolve() };
  const behind = (bytes: number) =>
    `POST /openai/v1/behind HTTP/1.1\r\n${HEAD}Content-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;
  using patient = await RawClient.connect(proxy.url);
  await patient.send(GET + behind(200 * 1024));
  using greedy = await RawClient.connect(proxy.url);
  await greedy.send(GET.replace("/x", "/cut"));
  // The proxy may end the connection before it has taken all.
  await greedy.send(behind(4 * 1024 * 1024)).catch(() => {});
  await within(left.promise, "the end of the upstream's connection");
  assert(!(await within(ended(greedy), "the end of the connection")).includes("200 OK"));
  go.resolve();
  for (let count = 0; count < 2; count++) assertEquals((await patient.answer()).text, "hello");
});

ownEngine.test("max_connections: whoever has been idle longest makes room; where all are busy the new one is closed", async () => {
  const go = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await go.promise;
      await exchange.write(plainAnswer("hello"));
    },
  });
  await using proxy = new LocalProxy(upstream, limited({ connections: { maxConnections: 2 } }));
  using idle = await RawClient.connect(proxy.url);
  const arriving = upstream.nextRequest();
  using first = await RawClient.connect(proxy.url);
  await first.send(GET);
  await arriving;
  const arrivingToo = upstream.nextRequest();
  using second = await RawClient.connect(proxy.url);
  await second.send(GET);
  await arrivingToo;
  assertEquals(await ended(idle), "");
  using third = await RawClient.connect(proxy.url);
  // It may be closed before it has sent all.
  await third.send(GET).catch(() => {});
  assertEquals(await within(ended(third), "the end of the third connection"), "");
  go.resolve();
  assertEquals([(await first.answer()).text, (await second.answer()).text], ["hello", "hello"]);
  assertEquals(upstream.requests.length, 2);
});

ownEngine.test("max_connections: clients without a token that do not read their answers make room, not clients with one", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(upstream, limited({ connections: { maxConnections: 5 } }));
  using client = await RawClient.connect(proxy.url);
  await client.send(GET);
  assertEquals((await client.answer()).text, "hello");
  const { hostname, port } = new URL(proxy.url);
  const pipeline = new TextEncoder().encode("GET /openai/v1/x HTTP/1.1\r\nHost: p\r\n\r\n".repeat(2_000));
  const flood: { connection: Deno.TcpConn; sending: Promise<void> }[] = [];
  for (let count = 0; count < 8; count++) {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    // Sends until its answers fill every buffer, or the proxy closes it.
    const sending = (async () => {
      for (let round = 0; round < 100; round++) await writeAll(connection, pipeline);
    })().catch(() => {});
    flood.push({ connection, sending });
    await client.send(GET);
    assertEquals((await client.answer()).text, "hello", `beside ${count + 1} connections`);
  }
  for (const { connection } of flood) connection.close();
  await Promise.all(flood.map(({ sending }) => sending));
});

Deno.test("max_concurrent_requests: the next one waits for its turn, and is a 503 with retry-after where it does not come", async () => {
  let running = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => gates.push(resolve));
      running--;
      await exchange.write(plainAnswer("hello"));
    },
  });
  await using proxy = new LocalProxy(upstream, limited({ concurrency: { maxExchanges: 2, queueMs: 1_500 } }));
  const ask = () => rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", `X-Api-Key: ${SECRETS.proxyToken}`]);
  const arrivals = [upstream.nextRequest(), ask(), ask(), ask(), ask()] as const;
  await arrivals[0];
  while (gates.length < 2) await upstream.nextRequest();
  const third = upstream.nextRequest();
  gates.shift()?.();
  await third;
  const answers = Promise.all(arrivals.slice(1) as Promise<Awaited<ReturnType<typeof ask>>>[]);
  // Nobody makes room any more: the fourth is refused.
  const refused = await Promise.any(
    arrivals.slice(1).map(async (one) => {
      const answer = await one as Awaited<ReturnType<typeof ask>>;
      if (answer.status !== 503) throw new Error("it was served");
      return answer;
    }),
  );
  assertEquals(refused.header("x-llm-proxy-error"), "overloaded");
  assert(Number(refused.header("retry-after")) > 0);
  for (const open of gates) open();
  assertEquals((await answers).map(({ status }) => status).sort(), [200, 200, 200, 503]);
  assertEquals(most, 2);
});

Deno.test("over TLS a client that never finishes its handshake is let go, and others are served meanwhile", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  const tls = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
  await using proxy = new LocalProxy(
    upstream,
    limited({ connections: { headMs: 1_000, maxConnections: 1 } }, { tls }),
  );
  const port = Number(new URL(proxy.url).port);
  using stalled = await Deno.connect({ hostname: "127.0.0.1", port });
  await stalled.write(Uint8Array.of(22, 3, 1, 0, 200, 1));
  const client = await Deno.connectTls({ hostname: "localhost", port, caCerts: [pem("ca.pem")] });
  await client.write(
    new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
  );
  assert((await new Response(client.readable).text()).endsWith("ok"), "the stalled one made room");
});

Deno.test("over TLS connections that come and go while there is no room harm nobody", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  const tls = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
  await using proxy = new LocalProxy(upstream, limited({ connections: { maxConnections: 4 } }, { tls }));
  const port = Number(new URL(proxy.url).port);
  const end = performance.now() + 2_000;
  await Promise.all(Array.from({ length: 48 }, async () => {
    while (performance.now() < end) {
      try {
        using client = await Deno.connectTls({ hostname: "localhost", port, caCerts: [pem("ca.pem")] });
        await client.handshake();
      } catch {
        // It made room for another one.
      }
    }
  }));
  const client = await Deno.connectTls({ hostname: "localhost", port, caCerts: [pem("ca.pem")] });
  await client.write(
    new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
  );
  assert((await new Response(client.readable).text()).endsWith("ok"));
  assertEquals(proxy.log.filter(({ event }) => event === "unexpected"), []);
});

ownEngine.test("unfinished heads: together they hold 32 MiB at most; the oldest ends, and a client with a token is served", async () => {
  await using upstream = new FakeUpstream({ script: HELLO });
  await using proxy = new LocalProxy(
    upstream,
    limited({ connections: { headMs: Infinity, maxHeadBytes: 2e6 } }),
  );
  const head = `GET /openai/v1/x HTTP/1.1\r\nHost: x\r\n${`X-Y: ${"y".repeat(900_000)}`}`;
  const flood: RawClient[] = [];
  try {
    for (let index = 0; index < 40; index++) {
      const client = await RawClient.connect(proxy.url);
      flood.push(client);
      await client.send(head);
    }
    const [oldest] = flood;
    const ended = oldest?.connection.read(new Uint8Array(1)).catch(() => null);
    assertEquals(await within(ended ?? Promise.resolve(0), "the end of the oldest"), null);
    using client = await RawClient.connect(proxy.url);
    await client.send(GET);
    assertEquals((await client.answer()).text, "hello");
  } finally {
    for (const client of flood) client[Symbol.dispose]();
  }
});
