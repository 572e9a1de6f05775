/**
 * The proxy with `engine = "deno"`: what its adapter rejects, because `Deno.serve` does not hand over all of
 * it.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const KEY = `X-Api-Key: ${SECRETS.proxyToken}\r\n`;
const SERVER = { engine: "deno" } as const;

/** Requests that the runtime accepts and the adapter rejects, with a part of the message. */
const REJECTED: readonly (readonly [what: string, bytes: string, message: RegExp])[] = [
  [
    "a GET with a length",
    `GET /openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}Content-Length: 3\r\n\r\nabc`,
    /A GET request with a body needs the proxy's own server/,
  ],
  [
    "a GET with chunks",
    `GET /openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    /A GET request with a body needs the proxy's own server/,
  ],
  ["no host", `GET /openai/v1/x HTTP/1.1\r\n${KEY}\r\n`, /no Host header/],
  ["an empty host", `GET /openai/v1/x HTTP/1.1\r\nHost:\r\n${KEY}\r\n`, /no Host header/],
  ["a host with a path", `GET /x HTTP/1.1\r\nHost: p/../../manage?x=\r\n${KEY}\r\n`, /Host header/],
  [
    "a target at another host",
    `GET http://q/openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}\r\n`,
    /neither a path nor a URL/,
  ],
  [
    "a target with another scheme",
    `GET https://p/openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}\r\n`,
    /neither a path nor a URL/,
  ],
  ["CONNECT", `CONNECT p:443 HTTP/1.1\r\nHost: p:443\r\n${KEY}\r\n`, /neither a path nor a URL/],
  [
    "two equal lengths",
    `POST /openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    /content-length/,
  ],
  [
    "a coding before chunked",
    `POST /openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    /transfer-encoding/,
  ],
  [
    "a WebSocket",
    `GET /openai/v1/realtime HTTP/1.1\r\nHost: p\r\n${KEY}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    /A WebSocket needs the proxy's own server/,
  ],
];

for (const [what, bytes, message] of REJECTED) {
  Deno.test(`engine = "deno": ${what} is a 400 that closes the connection, and reaches no upstream`, async () => {
    await using upstream = new FakeUpstream();
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: SERVER });
    using client = await RawClient.connect(proxy.url);
    await client.send(bytes);
    const answer = await client.answer();
    assertEquals(
      [answer.status, answer.header("x-llm-proxy-error"), answer.header("connection")],
      [400, "bad_request", "close"],
    );
    assertMatch(answer.text, message);
    assertEquals(upstream.requests, []);
  });
}

/** Uploads whose framing breaks after the handler has begun. */
const BROKEN: readonly (readonly [what: string, bytes: string])[] = [
  ["an upload that ends early", "Content-Length: 10\r\n\r\nabc"],
  ["chunks that end early", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
];

for (const [what, bytes] of BROKEN) {
  Deno.test(`engine = "deno": ${what} never looks whole to the upstream`, async () => {
    const bodies: string[] = [];
    const arrived = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        arrived.resolve();
        const body = await gather(exchange.body()).catch(() => undefined);
        if (body !== undefined) bodies.push(new TextDecoder().decode(body));
      },
    });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: SERVER });
    const client = await RawClient.connect(proxy.url);
    await client.send(`POST /openai/v1/x HTTP/1.1\r\nHost: p\r\n${KEY}${bytes}`);
    await within(arrived.promise, "the head at the upstream");
    client[Symbol.dispose]();
    assertEquals((await proxy.logged("exchange")).ending, "client_gone");
    assertEquals(bodies, []);
  });
}

Deno.test('engine = "deno": response headers keep their order, their spelling and their repeats', async () => {
  const HEADERS = ["X-Last: 1", "Set-Cookie: a=1", "x-TWO: a", "Set-Cookie: b=2", "x-TWO: b", "A-First: 2"];
  await using upstream = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer("hello", { headers: `${HEADERS.join("\r\n")}\r\n` })),
  });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: SERVER });
  const { headers } = await rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", KEY.trimEnd()]);
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  assertEquals(lines.filter((line) => HEADERS.includes(line)), HEADERS);
});

Deno.test('engine = "deno": max_body_bytes and the limit of headers hold, also after a reload', async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: SERVER });
  const ask = () =>
    rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", KEY.trimEnd(), `X-Long: ${"x".repeat(300)}`]);
  assertEquals((await ask()).status, 200);
  const { config } = proxy;
  const connections = { ...config.server.connections, maxHeadBytes: 256 };
  proxy.configure({ ...config, server: { ...config.server, connections } });
  const answer = await ask();
  assertEquals([answer.status, answer.header("x-llm-proxy-error")], [431, "headers_too_large"]);
});

Deno.test('engine = "deno": the management plane has its separate port', async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = await ManagedProxy.start(upstream, { server: { ...SERVER, adminPort: 0 } });
  const { value } = await proxy.token();
  assertEquals((await rawRequest(proxy.url, ["GET /manage/tokens HTTP/1.1"])).status, 404);
  assertEquals(
    (await rawRequest(proxy.adminUrl, ["GET /openai/v1/x HTTP/1.1", `X-Api-Key: ${value}`])).status,
    404,
  );
  assertEquals((await proxy.api("GET", "/tokens")).status, 200);
});
