import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { UnexpectedEnd, writeAll } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ASK = [
  "GET /openai/v1/models HTTP/1.1",
  "Host: proxy.test",
  `Authorization: Bearer ${SECRETS.proxyToken}`,
  "",
  "",
].join("\r\n");

const dies = (...sent: string[]): Script => async (exchange) => {
  for (const part of sent) await exchange.write(part);
  exchange.close();
};

/** Broken responses of the upstream. The client gets a fault of the proxy. */
const NO_ANSWER: readonly (readonly [string, Script])[] = [
  ["closes without a byte", dies()],
  ["dies within its headers", dies("HTTP/1.1 200 OK\r\nContent-Le")],
  ["sends what is not HTTP", dies("SSH-2.0-OpenSSH_9.2p1\r\n\r\n")],
  ["sends a status that is no number", dies("HTTP/1.1 abc OK\r\n\r\n")],
  ["sends a status beyond 599", dies("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")],
  [
    "sends two different lengths",
    dies("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
  ],
  ["sends a length that is no number", dies("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")],
];

for (const [name, script] of NO_ANSWER) {
  Deno.test(`an upstream that ${name} is a 502 bad_gateway`, async () => {
    await using upstream = new FakeUpstream({ script });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    await assertFault(proxy.url, 502, "bad_gateway");
    upstream.script(undefined);
    const next = await fetchModels(proxy.url);
    assertEquals((await next.json()).object, "list", "the next request succeeds");
  });
}

/** Answers that begin and break: what the client gets is cut and never looks finished. */
const CUT: readonly (readonly [string, Script])[] = [
  ["right after its headers", dies("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")],
  ["within a counted body", dies("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")],
  ["before the first chunk", dies("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")],
  ["within a chunk", dies("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata")],
  ["between chunks", dies("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")],
  [
    "before the last chunk's end",
    dies("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n"),
  ],
];

for (const [name, script] of CUT) {
  Deno.test(`an answer that breaks off ${name} never looks finished`, async () => {
    await using upstream = new FakeUpstream({ script });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    using client = await RawClient.connect(proxy.url);
    await client.send(ASK);
    // Where the break came before the proxy had begun to answer, a 502 says so as well.
    const answer = await client.answer().catch((error: unknown) => error);
    assert(
      answer instanceof UnexpectedEnd || answer instanceof Error ||
        (typeof answer === "object" && answer !== null && "status" in answer && answer.status === 502),
      `it looked finished: ${JSON.stringify(answer)}`,
    );
    const fault = await proxy.logged("fault");
    assertEquals(fault["code"], "bad_gateway");
  });
}

Deno.test("an upstream that refuses connections is a 502 that names the host and not the path or key", async () => {
  const upstream = new FakeUpstream();
  const origin = upstream.origin;
  await upstream[Symbol.asyncDispose]();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, origin });
  const message = await assertFault(proxy.url, 502, "bad_gateway");
  assertMatch(message, /^No response from 127\.0\.0\.1:\d+: it refused the connection\.$/);
});

Deno.test("an upstream whose name does not resolve is a 502", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    origin: "http://upstream.invalid",
  });
  assertStringIncludes(await assertFault(proxy.url, 502, "bad_gateway"), "upstream.invalid");
});

Deno.test("an upstream that speaks no TLS where TLS is configured is a 502", async () => {
  await using upstream = new FakeUpstream();
  using plain = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answered = (async () => {
    using connection = await within(plain.accept(), "a connection");
    await within(connection.read(new Uint8Array(1024)), "more bytes or the end");
    await writeAll(connection, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  })();
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    origin: `https://127.0.0.1:${(plain.addr as Deno.NetAddr).port}`, // a listener on TCP has a NetAddr
  });
  assertStringIncludes(await assertFault(proxy.url, 502, "bad_gateway"), "TLS");
  await answered;
});

Deno.test("an upstream that never answers is a 504 that names the limit, and is let go", async () => {
  const left = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.peerClosed();
      left.resolve();
    },
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, timeouts: { firstByteMs: 50 } });
  const message = await assertFault(proxy.url, 504, "upstream_timeout");
  assertStringIncludes(message, "first_byte_timeout (50ms) passed");
  await within(left.promise, "the end of the upstream's connection");
});

Deno.test("an upstream that falls silent mid-stream is cut after the idle limit; one that goes on is not", async () => {
  let silent = true;
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
      if (silent) return await exchange.peerClosed();
      for (let part = 0; part < 5; part++) {
        await passing(250, { why: "the upstream is slow, but not silent" });
        await exchange.write("4\r\npart\r\n");
      }
      await exchange.write("0\r\n\r\n");
    },
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, timeouts: { idleMs: 1_000 } });
  using client = await RawClient.connect(proxy.url);
  await client.send(ASK);
  assert(await client.answer().catch((error: unknown) => error) instanceof UnexpectedEnd);
  assertEquals((await proxy.logged("fault"))["code"], "upstream_timeout");
  silent = false;
  assertEquals(
    await (await fetchModels(proxy.url)).text(),
    "part".repeat(6),
    "1250 ms of parts 250 ms apart",
  );
});

Deno.test("the total limit ends an answer that would go on for ever", async () => {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      while (true) {
        await exchange.write("4\r\npart\r\n");
        await passing(10, { why: "the upstream is slow, and never ends" });
      }
    },
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, timeouts: { totalMs: 600 } });
  using client = await RawClient.connect(proxy.url);
  await client.send(ASK);
  assert(await client.answer().catch((error: unknown) => error) instanceof UnexpectedEnd);
  assertStringIncludes(String((await proxy.logged("fault"))["detail"]), "total_timeout");
});

Deno.test("the line `fault` of the log has the id that the client gets in x-request-id", async () => {
  await using upstream = new FakeUpstream({ script: dies() });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const response = await fetchModels(proxy.url);
  await response.body?.cancel();
  const { id } = await proxy.logged("fault");
  assertEquals([response.status, response.headers.get("x-request-id")], [502, id]);
});

Deno.test("a provider's own error passes untouched", async () => {
  const body = '{"error":{"message":"Slow down","type":"rate_limit_error","odd_spelling":1.0}}';
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer(body, {
        status: "429 Too Many Requests",
        headers: "Retry-After: 7\r\nX-RateLimit-Remaining-Requests: 0\r\nX-Request-Id: req_provider\r\n",
      })),
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const response = await fetchModels(proxy.url);
  assertEquals(response.status, 429);
  assertEquals(response.headers.get("retry-after"), "7");
  assertEquals(response.headers.get("x-ratelimit-remaining-requests"), "0");
  assertEquals(response.headers.get("x-request-id"), "req_provider");
  assertEquals(response.headers.get("x-llm-proxy-error"), null);
  assertEquals(await response.text(), body);
});

function fetchModels(url: string): Promise<Response> {
  return fetch(`${url}/openai/v1/models`, { headers: { authorization: `Bearer ${SECRETS.proxyToken}` } });
}

async function assertFault(url: string, status: number, code: string): Promise<string> {
  const response = await fetchModels(url);
  const { error } = await response.json();
  assertEquals([response.status, response.headers.get("x-llm-proxy-error"), error.code], [
    status,
    code,
    code,
  ]);
  return error.message;
}
