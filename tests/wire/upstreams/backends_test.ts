/** Several backends on real sockets, from the client's side. */

import { assert, assertEquals } from "@std/assert";
import type { Backend, Endpoint } from "../../../src/config/config.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const headerOrder = ownEngineTests("headers");
const malformed = ownEngineTests("malformed");

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;

/** Answers with its name and the body it got. */
function says(name: string, status = "200 OK"): Script {
  return async (exchange) => {
    const body = new TextDecoder().decode(await gather(exchange.body()));
    await exchange.write(plainAnswer(`${name}:${body}`, { status }));
  };
}

function keyed(upstream: FakeUpstream, name: string, more: Partial<Backend> = {}): Backend {
  const key = { mode: "inject", value: `${SECRETS.openaiKey}-${name}` } as const;
  return testBackend(upstream.origin, { name, key, ...more });
}

async function withBackends(
  scripts: Record<string, Script>,
  test: (bench: { proxy: LocalProxy; upstreams: FakeUpstream[]; endpoint: Endpoint }) => Promise<void>,
  { endpoint: options = {}, backend = {} }: { endpoint?: Partial<Endpoint>; backend?: Partial<Backend> } = {},
): Promise<void> {
  const upstreams = Object.values(scripts).map((script) => new FakeUpstream({ script }));
  const backends = Object.keys(scripts).map((name, index) => {
    const upstream = upstreams[index];
    assert(upstream);
    return keyed(upstream, name, backend);
  });
  const endpoint = testEndpoint("chat", backends, options);
  try {
    await using proxy = new LocalProxy(upstreams[0] ?? new FakeUpstream(), { endpoints: [endpoint] });
    await test({ proxy, upstreams, endpoint });
  } finally {
    for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
  }
}

function post(url: string, body: string, ...headers: string[]) {
  return rawRequest(
    url,
    [`POST /chat/v1/x HTTP/1.1`, TOKEN, ...headers, `Content-Length: ${body.length}`],
    body,
  );
}

Deno.test("backends: a 503 and a dead one are passed over; each gets its own key; the log says who served", () =>
  withBackends({ dead: says("dead"), busy: says("busy", "503 Busy"), well: says("well") }, async (bench) => {
    await bench.upstreams[0]?.[Symbol.asyncDispose]();
    const answer = await post(bench.proxy.url, "hello");
    assertEquals([answer.status, answer.text], [200, "well:hello"]);
    assertEquals(answer.header("x-llm-proxy-backend"), undefined);
    assertEquals(bench.upstreams.map(({ requests }) => requests[0]?.header("authorization")), [
      undefined,
      `Bearer ${SECRETS.openaiKey}-busy`,
      `Bearer ${SECRETS.openaiKey}-well`,
    ]);
    const line = await bench.proxy.logged("exchange");
    assertEquals([line["backend"], line["attempts"], line["status"]], ["well", 3, 200]);
    const left = bench.proxy.log.filter(({ event }) => event === "failover");
    assertEquals(
      left.map(({ backend, next, detail }) =>
        `${backend} to ${next}: ${String(detail).replace(/127[^:]*:\d+/, "host")}`
      ),
      [
        "dead to busy: No response from host: it refused the connection.",
        "busy to well: it answered 503",
      ],
    );
  }));

Deno.test("backends: an attempt at the same backend is logged as a retry, and not as a failover", () => {
  let count = 0;
  const script: Script = (exchange) => says("one", count++ === 0 ? "503 Busy" : "200 OK")(exchange);
  const retry = { retries: 1, statuses: new Set([503]), unsafe: false };
  return withBackends({ one: script }, async ({ proxy }) => {
    assertEquals((await post(proxy.url, "x")).status, 200);
    const { backend, next, detail } = await proxy.logged("retry");
    assertEquals([backend, next, detail], ["one", "one", "it answered 503"]);
    assertEquals(proxy.log.filter(({ event }) => event === "failover"), []);
  }, { endpoint: { retry } });
});

Deno.test("backends: the log says when a request is sent again because a kept connection was closed", () => {
  let count = 0;
  const script: Script = async (exchange) => {
    if (++count !== 2) return await says("one")(exchange);
    exchange.close();
  };
  return withBackends({ one: script }, async ({ proxy }) => {
    assertEquals((await post(proxy.url, "x")).text, "one:x");
    assertEquals((await post(proxy.url, "y")).text, "one:y");
    const { endpoint, backend, detail } = await proxy.logged("resent");
    assertEquals([endpoint, backend, detail], [
      "chat",
      "one",
      "it closed a kept connection; the proxy sends the request on a new one",
    ]);
  });
});

Deno.test("backends: the client is told who served where that was asked for", () =>
  withBackends({ one: says("one") }, async ({ proxy }) => {
    assertEquals((await post(proxy.url, "x")).header("x-llm-proxy-backend"), "one");
  }, { endpoint: { exposeBackend: true } }));

Deno.test("backends: the log names the client for which a backend fails", () =>
  withBackends({ busy: says("busy", "503 Busy") }, async ({ proxy }) => {
    for (let count = 0; count < 3; count++) assertEquals((await post(proxy.url, "x")).status, 503);
    assertEquals((await proxy.logged("backend_failing"))["principal"], "shared");
  }));

Deno.test("backends: an answer that dies after its first byte is cut, never repeated", () =>
  withBackends({
    first: async (exchange) => {
      await gather(exchange.body());
      await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      exchange.close();
    },
    second: says("second"),
  }, async ({ proxy, upstreams }) => {
    using client = await RawClient.connect(proxy.url);
    await client.send(`POST /chat/x HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\nContent-Length: 1\r\n\r\nx`);
    assertEquals((await client.head()).status, 200);
    const piece = new Uint8Array(100);
    assertEquals(await client.connection.read(piece).catch(() => null) === 100, false);
    const line = await proxy.logged("exchange");
    assertEquals([line["ending"], line["backend"], upstreams[1]?.requests.length], [
      "bad_gateway",
      "first",
      0,
    ]);
  }));

Deno.test("backends: a client that leaves while the second is asked ends it, and blames nobody", async () => {
  const second = Promise.withResolvers<void>();
  await withBackends({
    busy: says("busy", "503 Busy"),
    slow: async (exchange) => {
      await gather(exchange.body());
      second.resolve();
      await exchange.peerClosed();
    },
  }, async ({ proxy }) => {
    const client = await RawClient.connect(proxy.url);
    await client.send(`POST /chat/x HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\nContent-Length: 1\r\n\r\nx`);
    await within(second.promise, "the second backend");
    client[Symbol.dispose]();
    const line = await proxy.logged("exchange");
    assertEquals([line["ending"], line["status"], line["attempts"]], ["client_gone", 499, 2]);
  });
});

headerOrder.test("backends: another model, header fields set and removed, and the rest byte for byte", () =>
  withBackends({
    one: async (exchange) => {
      const body = new TextDecoder().decode(await gather(exchange.body()));
      await exchange.write(plainAnswer(`${exchange.request.raw}${body}`));
    },
  }, async ({ proxy }) => {
    const body = '{ "model" : "gpt-4o", "seed": 12345678901234567890 }';
    const { text } = await post(
      proxy.url,
      body,
      "Content-Type: application/json",
      "X-Team: mine",
      "X-Internal: y",
      "X-Kept: z",
    );
    const [head = "", sent] = text.split("\r\n\r\n");
    assertEquals(sent, body.replace("gpt-4o", "llama3.3"));
    assertEquals(head.split("\r\n").slice(2), [
      "Content-Type: application/json",
      "X-Kept: z",
      `authorization: Bearer ${SECRETS.openaiKey}-one`,
      "X-Team: theirs",
      `content-length: ${body.length + 2}`,
    ]);
  }, {
    backend: {
      model: { byName: new Map(), otherwise: "llama3.3" },
      headers: [["X-Team", "theirs"]],
      removeHeaders: ["x-internal"],
    },
  }));

Deno.test("backends: a body too long for its model to be replaced is a 413; gzip is decoded", async () => {
  const gzip = new Uint8Array(
    await new Response(new Blob(['{"model":"a"}']).stream().pipeThrough(new CompressionStream("gzip")))
      .arrayBuffer(),
  );
  await withBackends({ one: says("one") }, async ({ proxy, upstreams }) => {
    const long = await post(proxy.url, `{"model":"${"x".repeat(100)}"}`);
    assertEquals([long.status, long.header("x-llm-proxy-error")], [413, "payload_too_large"]);
    assertEquals(upstreams[0]?.requests.length, 0);
    const lines = [
      "POST /chat/x HTTP/1.1",
      TOKEN,
      "Content-Encoding: gzip",
      `Content-Length: ${gzip.length}`,
    ];
    assertEquals((await rawRequest(proxy.url, lines, gzip)).text, 'one:{"model":"b"}');
    assertEquals(upstreams[0]?.requests[0]?.header("content-encoding"), undefined);
  }, { endpoint: { maxBufferBytes: 64 }, backend: { model: { byName: new Map(), otherwise: "b" } } });
});

Deno.test("backends: a timeout is a 504 that names which one", () =>
  withBackends({ silent: (exchange) => exchange.peerClosed() }, async ({ proxy }) => {
    const answer = await rawRequest(proxy.url, ["GET /chat/x HTTP/1.1", TOKEN]);
    assertEquals(answer.status, 504);
    assert(answer.text.includes("first_byte_timeout (50ms) passed"), answer.text);
  }, { backend: { timeouts: { connectMs: 1_000, firstByteMs: 50, idleMs: 1_000, totalMs: undefined } } }));

Deno.test("backends: passthrough and keyed ones in one endpoint: the client's key goes to the former only", async () => {
  await using own = new FakeUpstream({ script: says("own", "503 Busy") });
  await using keyedOne = new FakeUpstream({ script: says("keyed") });
  const backends = [testBackend(own.origin, { name: "own" }), keyed(keyedOne, "keyed")];
  await using proxy = new LocalProxy(own, { endpoints: [testEndpoint("chat", backends)] });
  const asked = ["GET /chat/x HTTP/1.1", "Authorization: Bearer sk-client", `Proxy-${TOKEN}`];
  assertEquals((await rawRequest(proxy.url, asked)).text, "keyed:");
  assertEquals(own.requests[0]?.header("authorization"), "Bearer sk-client");
  assert(!keyedOne.received.includes("sk-client"));
  assert(!`${own.received}${keyedOne.received}`.includes(SECRETS.proxyToken));
  const refused = await rawRequest(proxy.url, ["GET /chat/x HTTP/1.1", TOKEN]);
  assertEquals(refused.status, 401, "the token in Authorization could be meant for the backend");
});

Deno.test("limits: a body beyond max_body_bytes is a 413, with a length and without one", async () => {
  await using upstream = new FakeUpstream({ script: says("one") });
  const endpoints = [testEndpoint("chat", [testBackend(upstream.origin, { key: { mode: "none" } })])];
  await using proxy = new LocalProxy(upstream, { endpoints, server: { maxBodyBytes: 5 } });
  assertEquals((await post(proxy.url, "12345")).text, "one:12345");
  assertEquals((await post(proxy.url, "123456")).status, 413);
  const chunked = ["POST /chat/x HTTP/1.1", TOKEN, "Transfer-Encoding: chunked"];
  const answer = await rawRequest(proxy.url, chunked, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  assertEquals([answer.status, answer.header("x-llm-proxy-error")], [413, "payload_too_large"]);
});

Deno.test("backends: answered early, the rest of an upload goes to the next one, whole", async () => {
  const answered = Promise.withResolvers<void>();
  let received = "";
  await withBackends({
    early: async (exchange) => {
      await exchange.body().next();
      await exchange.write(plainAnswer("busy", { status: "503 Busy" }));
    },
    well: async (exchange) => {
      for await (const piece of exchange.body()) {
        received += new TextDecoder().decode(piece);
        answered.resolve();
      }
      await exchange.write(plainAnswer("well"));
    },
  }, async ({ proxy }) => {
    using client = await RawClient.connect(proxy.url);
    await client.send(
      `POST /chat/x HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n`,
    );
    await within(answered.promise, "the answer");
    await client.send("a\r\nabcdefghij\r\n4\r\nLAST\r\n0\r\n\r\n");
    const { status, text } = await client.answer();
    assertEquals([status, text], [200, "well"]);
    assertEquals(received, "12345abcdefghijLAST");
  });
});

Deno.test("backends: a client that leaves while its backend is being connected to is noticed at once", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using next = new FakeUpstream({ script: says("next") });
  const backends = [
    testBackend(`https://127.0.0.1:${silent.addr.port}`, { name: "silent" }),
    keyed(next, "next"),
  ];
  await using proxy = new LocalProxy(next, { endpoints: [testEndpoint("chat", backends)] });
  const client = await RawClient.connect(proxy.url);
  await client.send(`POST /chat/x HTTP/1.1\r\nHost: p\r\nProxy-${TOKEN}\r\nContent-Length: 5\r\n\r\nhello`);
  using accepted = await within(silent.accept(), "a connection");
  assert(accepted);
  client[Symbol.dispose]();
  const line = await proxy.logged("exchange");
  assertEquals([line["ending"], line["attempts"], next.requests.length], ["client_gone", undefined, 0]);
});

malformed.test("backends: with a body that is held, a client that leaves has left, and a broken body is its own fault", () =>
  withBackends({ one: says("one") }, async ({ proxy, upstreams }) => {
    const client = await RawClient.connect(proxy.url);
    await client.send(`POST /chat/x HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\nContent-Length: 100\r\n\r\n{"model":`);
    client[Symbol.dispose]();
    const line = await proxy.logged("exchange");
    assertEquals([line["ending"], line["status"], line["backend"]], ["client_gone", 499, undefined]);
    const broken = await rawRequest(
      proxy.url,
      ["POST /chat/x HTTP/1.1", TOKEN, "Transfer-Encoding: chunked"],
      "zz\r\n",
    );
    assertEquals([broken.status, broken.header("x-llm-proxy-error")], [400, "bad_request"]);
    assertEquals(upstreams[0]?.requests.length, 0);
  }, { backend: { model: { byName: new Map(), otherwise: "b" } } }));

Deno.test("backends: what creates something goes on a fresh connection, where no close of an idle one can cross it", () =>
  withBackends({ only: says("only") }, async ({ proxy, upstreams }) => {
    const send = (path: string) =>
      rawRequest(proxy.url, [`POST /chat/v1/${path} HTTP/1.1`, TOKEN, "Content-Length: 1"], "x");
    for (const path of ["chat/completions", "chat/completions", "images/generations"]) {
      assertEquals((await send(path)).status, 200);
    }
    assertEquals(upstreams[0]?.requests.map(({ connection }) => connection), [0, 0, 1]);
  }));
