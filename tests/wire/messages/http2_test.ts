/** HTTP/2 over TLS, asked by the runtime's own client and by fetch. */

import { assert, assertEquals } from "@std/assert";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const AUTH = { authorization: `Bearer ${SECRETS.proxyToken}` };
const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };

interface Answer {
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

class Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;

  constructor(proxy: Pick<LocalProxy, "url">) {
    const { port } = new URL(proxy.url);
    this.session = connect(`https://localhost:${port}`, { ca: pem("ca.pem") });
    this.session.on("error", () => {});
  }

  stream(headers: Record<string, string | string[]>, endStream = true): ClientHttp2Stream {
    return this.session.request({ ...AUTH, ...headers }, { endStream });
  }

  async ask(headers: Record<string, string | string[]>, body?: string): Promise<Answer> {
    const stream = this.stream(headers, body === undefined);
    if (body !== undefined) stream.end(body);
    return await within(answerOf(stream), "the answer over HTTP/2");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = new Promise<void>((resolve) => this.session.once("close", () => resolve()));
    this.session.destroy();
    await closed;
  }
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {};
    let text = "";
    stream.on("response", (fields: Record<string, unknown>) => headers = fields);
    stream.on("data", (piece: Uint8Array) => text += new TextDecoder().decode(piece));
    stream.on("end", () => resolve({ headers, text }));
    stream.on("error", reject);
  });
}

function proxyFor(upstream: FakeUpstream, server: LocalProxyOptions["server"] = {}): LocalProxy {
  return new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls: TLS, ...server } });
}

Deno.test("HTTP/2: a request arrives as it was sent, and its answer with repeats and without framing", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      const body = await gather(exchange.body());
      await exchange.write(
        plainAnswer(`got ${new TextDecoder().decode(body)}`, {
          headers: "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Own: yes\r\nKeep-Alive: timeout=5\r\n",
        }),
      );
    },
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const answer = await client.ask({
    ":method": "POST",
    ":path": "/openai/v1/x%2Fy?a=%zz&b=1",
    "x-stainless-lang": "js",
    "content-type": "text/plain",
    te: "trailers",
  }, "hello");
  assertEquals([answer.headers[":status"], answer.text], [200, "got hello"]);
  assertEquals(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assertEquals([answer.headers["x-own"], answer.headers["keep-alive"]], ["yes", undefined]);
  const [request] = upstream.requests;
  assertEquals([request?.method, request?.target], ["POST", "/openai/v1/x%2Fy?a=%zz&b=1"]);
  assertEquals(request?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);
  assertEquals([request?.header("x-stainless-lang"), request?.header("te")], ["js", undefined]);
  assertEquals(request?.header("host"), new URL(upstream.origin).host);
});

Deno.test("HTTP/2: many at the same time on one connection, streamed as they come", async () => {
  await using upstream = new FakeUpstream({ paceMs: 2 });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const body = JSON.stringify({
    model: "demo-small",
    stream: true,
    messages: [{ role: "user", content: SECRETS.prompt }],
  });
  const answers = await Promise.all(
    Array.from({ length: 30 }, () =>
      client.ask({
        ":method": "POST",
        ":path": "/openai/v1/chat/completions",
        "content-type": "application/json",
      }, body)),
  );
  for (const { headers, text } of answers) {
    assertEquals([headers[":status"], headers["content-type"]], [200, "text/event-stream; charset=utf-8"]);
    assert(text.endsWith("data: [DONE]\n\n"));
  }
});

Deno.test("HTTP/2: a client that leaves its stream cancels the upstream request, and the others go on", async () => {
  const left = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/short")) return await exchange.write(plainAnswer("short"));
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      await exchange.peerClosed();
      left.resolve();
    },
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const stream = client.stream({ ":path": "/openai/v1/long" });
  await new Promise((resolve) => stream.once("data", resolve));
  stream.on("error", () => {});
  stream.close(constants.NGHTTP2_CANCEL);
  await within(left.promise, "the end of the upstream's connection");
  assertEquals((await proxy.logged("exchange")).ending, "client_gone");
  assertEquals((await client.ask({ ":path": "/openai/v1/short" })).text, "short");
});

Deno.test("HTTP/2: a stream that is given up before its answer lets the upstream go, and the others go on", async () => {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      if (exchange.request.target.endsWith("/short")) return await exchange.write(plainAnswer("short"));
      asked.resolve();
      await exchange.peerClosed();
      left.resolve();
    },
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const stream = client.stream({ ":path": "/openai/v1/long" });
  stream.on("error", () => {});
  await within(asked.promise, "the request at the upstream");
  stream.close(constants.NGHTTP2_CANCEL);
  await within(left.promise, "the end of the upstream's connection");
  const { ending, status } = await proxy.logged("exchange");
  assertEquals([ending, status], ["client_gone", 499]);
  assertEquals((await client.ask({ ":path": "/openai/v1/short" })).text, "short");
});

Deno.test("HTTP/2: an answer that breaks off resets its stream, and never looks finished", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      exchange.close();
    },
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const outcome = await client.ask({ ":path": "/openai/v1/x" }).then(() => "whole", () => "broken");
  assertEquals(outcome, "broken");
  assertEquals((await proxy.logged("exchange")).ending, "bad_gateway");
});

Deno.test("HTTP/2: HEAD, 204 and an early refusal of an upload", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(
        exchange.request.method === "HEAD"
          ? "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
          : "HTTP/1.1 204 No Content\r\n\r\n",
      ),
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const head = await client.ask({ ":method": "HEAD", ":path": "/openai/v1/x" });
  assertEquals([head.headers[":status"], head.headers["content-length"], head.text], [200, "12", ""]);
  const none = await client.ask({ ":method": "DELETE", ":path": "/openai/v1/x" });
  assertEquals([none.headers[":status"], none.text], [204, ""]);
  const refused = client.stream(
    { ":method": "POST", ":path": "/openai/v1/x", authorization: "Bearer no" },
    false,
  );
  const answer = answerOf(refused);
  assertEquals((await answer).headers[":status"], 401);
  refused.on("error", () => {});
  refused.close();
});

Deno.test("HTTP/2: a drain lets running streams end and then the connection", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      asked.resolve();
      await go.promise;
      await exchange.write(plainAnswer("late"));
    },
  });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  const answer = client.ask({ ":path": "/openai/v1/x" });
  await within(asked.promise, "the request at the upstream");
  const drained = proxy.drain();
  go.resolve();
  assertEquals((await answer).text, "late");
  await drained;
});

Deno.test("HTTP/2 and HTTP/1.1 are both spoken at the one port, each to who asks for it", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("x")) });
  await using proxy = proxyFor(upstream);
  const port = Number(new URL(proxy.url).port);
  for (
    const [offer, chosen] of [[["h2", "http/1.1"], "h2"], [["http/1.1"], "http/1.1"], [[], null]] as const
  ) {
    const connection = await Deno.connectTls({
      hostname: "localhost",
      port,
      caCerts: [pem("ca.pem")],
      ...(offer.length > 0 && { alpnProtocols: [...offer] }),
    });
    const { alpnProtocol } = await connection.handshake();
    assertEquals(alpnProtocol, chosen);
    if (chosen !== "h2") {
      await connection.write(
        new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
      );
      assert((await new Response(connection.readable).text()).endsWith("\r\n\r\nok"));
    } else connection.close();
  }
});

Deno.test("HTTP/2: repeats are repeated, and the exchange ends as others do", async () => {
  const repeated = [
    "Content-Type: text/plain",
    "X-Content-Type-Options: nosniff",
    'ETag: "1"',
    "HTTP2-Settings: x",
  ];
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer("hello", { headers: [...repeated, ...repeated, ""].join("\r\n") })),
  });
  await using proxy = proxyFor(upstream, {
    concurrency: { maxExchanges: 1, maxPerPrincipal: 1, queueMs: 50 },
  });
  await using client = new Client(proxy);
  for (let round = 0; round < 3; round++) {
    const { headers, text } = await client.ask({ ":path": "/openai/v1/x" });
    assertEquals([headers[":status"], headers["x-content-type-options"], text], [
      200,
      "nosniff, nosniff",
      "hello",
    ]);
  }
});

Deno.test("HTTP/2: streams that are reset just when their answers come leave nothing behind", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = proxyFor(upstream);
  for (let round = 0; round < 40; round++) {
    // One that resets without end is sent away: each has a few.
    await using client = new Client(proxy);
    const streams = Array.from({ length: 15 }, () => client.stream({ ":path": "/openai/v1/x" }));
    await within(
      Promise.all(streams.map((stream, index) => {
        const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
        stream.on("error", () => {}).resume();
        setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), index % 6);
        return closed;
      })),
      "the end of all streams",
    );
  }
  await using last = new Client(proxy);
  await last.ask({ ":path": "/openai/v1/x" });
  await proxy.drain();
  assertEquals(proxy.log.find(({ event }) => event === "draining")?.["in_flight"], 0);
});

Deno.test("HTTP/2: a cookie in crumbs goes on in one piece", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  await client.ask({ ":path": "/openai/v1/x", cookie: ["a=1", "b=2"] });
  assertEquals(upstream.requests[0]?.headers.filter(([name]) => name === "cookie"), [["cookie", "a=1; b=2"]]);
});

Deno.test("HTTP/2: the limits of heads are HTTP/1.1's, and an upload that pauses is a 408 as there", async () => {
  await using upstream = new FakeUpstream({ script: async (exchange) => void await gather(exchange.body()) });
  const connections = {
    ...DEFAULT_SERVER_SETTINGS.connections,
    maxHeadBytes: 4_096,
    maxHeadFields: 20,
    uploadMs: 200,
  };
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    sweepMs: 50,
    server: { tls: TLS, connections },
  });
  await using client = new Client(proxy);
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`x-${index}`, "1"]));
  for (const headers of [many, { "x-long": "a".repeat(4_100) }]) {
    const refused = await client.ask({ ":path": "/openai/v1/x", ...headers });
    assertEquals([refused.headers[":status"], refused.headers["x-llm-proxy-error"]], [
      431,
      "headers_too_large",
    ]);
  }
  const stream = client.stream(
    { ":method": "POST", ":path": "/openai/v1/x", "content-length": "1000" },
    false,
  );
  stream.write("{");
  const { headers } = await answerOf(stream);
  assertEquals([headers[":status"], headers["x-llm-proxy-error"]], [408, "request_timeout"]);
  stream.on("error", () => {}).close();
});

Deno.test("HTTP/2: a client that says goodbye with nothing running does not end the program", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("x")) });
  const tls = new URL("../../support/tls/", import.meta.url).pathname;
  await using proxy = await ProxyProcess.start({
    upstream: upstream.origin,
    env: {
      TLS_CERT_FILE: `${tls}cert.pem`,
      TLS_KEY_FILE: `${tls}key.pem`,
      // The C library overwrites what is freed: whoever looks at it again fails at once, and not now and
      // then.
      MALLOC_PERTURB_: "165",
    },
  });
  for (let round = 0; round < 20; round++) {
    await using client = new Client(proxy);
    for (let request = 0; request < round % 3; request++) {
      assertEquals((await client.ask({ ":path": "/openai/v1/x" })).text, "x");
    }
    client.session.goaway();
    await passing(5, { why: "the session ends meanwhile" });
  }
});

Deno.test("HTTP/2: a client that negotiated it and speaks HTTP/1.1 is not read, and holds nothing", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer("ok")),
  });
  await using proxy = proxyFor(upstream, {
    concurrency: { maxExchanges: 2, maxPerPrincipal: 2, queueMs: 0 },
  });
  const { port } = new URL(proxy.url);
  const handshake = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  const requests = [
    ["GET /openai/v1/realtime HTTP/1.1", "Host: p", ...handshake],
    ["GET /openai/v1/models HTTP/1.1", "Host: p"],
    ["", "GET /openai/v1/models HTTP/1.1", "Host: p"],
    ["PRI * HTTP/2.0", "", "SM", "X: GET /openai/v1/models HTTP/1.1"],
  ].map((lines) => `${[...lines, `Authorization: Bearer ${SECRETS.proxyToken}`].join("\r\n")}\r\n\r\n`);
  for (const request of [...requests, ...requests]) {
    using client = await Deno.connectTls({
      hostname: "localhost",
      port: Number(port),
      caCerts: [pem("ca.pem")],
      alpnProtocols: ["h2"],
    });
    assertEquals((await client.handshake()).alpnProtocol, "h2");
    await client.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(1_000);
    assertEquals(
      await within(client.read(buffer).catch(() => null), "more bytes or the end"),
      null,
      "not a byte of an answer",
    );
  }
  await using client = new Client(proxy);
  for (let count = 0; count < 4; count++) {
    const { headers, text } = await client.ask({ ":path": "/openai/v1/models" });
    assertEquals([headers[":status"], text], [200, "ok"]);
  }
  assertEquals(upstream.requests.length, 4);
});

Deno.test("HTTP/2: an upload that is reset at once is not forwarded as a request without a body", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("ok")) });
  await using proxy = proxyFor(upstream);
  await using client = new Client(proxy);
  for (let count = 0; count < 20; count++) {
    // An upstream connection is idle: the request could go out at once.
    assertEquals((await client.ask({ ":path": "/openai/v1/x" })).text, "ok");
    const stream = client.stream({ ":method": "POST", ":path": "/openai/v1/reset" }, false);
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    stream.on("error", () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    await closed;
    assertEquals((await client.ask({ ":path": "/openai/v1/x" })).text, "ok");
  }
  assertEquals(upstream.requests.filter(({ target }) => target.endsWith("/reset")).length, 0);
});
