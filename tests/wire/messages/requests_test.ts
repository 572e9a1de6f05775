import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeUpstream, plainAnswer, type UpstreamRequest } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { type RawAnswer, RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TOKEN = SECRETS.proxyToken;
const KEY = SECRETS.openaiKey;
const KEYED: LocalProxyOptions = { apiKey: KEY };

interface Passed {
  readonly answer: RawAnswer;
  /** What arrived upstream; undefined where nothing did. */
  readonly request: UpstreamRequest | undefined;
  readonly body: Uint8Array;
  /** Every byte that arrived upstream. */
  readonly received: string;
}

/** Sends one raw request through a proxy and shows what came out on both sides. */
async function pass(
  lines: string[],
  options: LocalProxyOptions = KEYED,
  body: string | Uint8Array = "",
): Promise<Passed> {
  let seen = new Uint8Array();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      seen = new Uint8Array(await gather(exchange.body()));
      await exchange.write(plainAnswer("{}"));
    },
  });
  await using proxy = new LocalProxy(upstream, options);
  const answer = await rawRequest(proxy.url, lines, body);
  return { answer, request: upstream.requests[0], body: seen, received: upstream.received };
}

/** Every place of a credential, as one header line or as a query. */
const PLACES: readonly (readonly [string, (token: string) => { query?: string; header?: string }])[] = [
  ["authorization", (token) => ({ header: `Authorization: Bearer ${token}` })],
  ["authorization, in odd spelling", (token) => ({ header: `AUTHORIZATION:  bEARER   ${token} ` })],
  ["x-api-key", (token) => ({ header: `X-Api-Key: ${token}` })],
  ["api-key", (token) => ({ header: `Api-Key: ${token}` })],
  ["x-goog-api-key", (token) => ({ header: `X-Goog-Api-Key: ${token}` })],
  ["proxy-authorization", (token) => ({ header: `Proxy-Authorization: Bearer ${token}` })],
  ["x-llm-proxy-token", (token) => ({ header: `X-LLM-Proxy-Token: ${token}` })],
  ["query", (token) => ({ query: `?a=1&key=${token}&b=2` })],
  ["query, percent-encoded", (token) => ({ query: `?a=1&%6bey=${token.replace("c", "%63")}&b=2` })],
  [
    "subprotocol",
    (token) => ({ header: `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${token}` }),
  ],
];

const OWN_KEY: readonly (readonly [endpoint: string, header: string, value: string])[] = [
  ["openai", "authorization", `Bearer ${KEY}`],
  ["anthropic", "x-api-key", KEY],
  ["gemini", "x-goog-api-key", KEY],
];

for (const [place, write] of PLACES) {
  for (const [endpoint, keyHeader, keyValue] of OWN_KEY) {
    Deno.test(`${endpoint}: the proxy token in ${place} admits and is exchanged for the key`, async () => {
      const { query = "", header } = write(TOKEN);
      const { answer, request, received } = await pass([
        `GET /${endpoint}/v1/models${query} HTTP/1.1`,
        ...(header === undefined ? [] : [header]),
      ]);
      assertEquals(answer.status, 200);
      assertEquals(request?.header(keyHeader), keyValue);
      assert(!decodeURIComponent(received).includes(TOKEN), `the proxy token went upstream: ${received}`);
      assert(!(answer.raw + answer.text).includes(KEY), "the key came down");
      if (query !== "") assert(request?.target.endsWith("?a=1&b=2"), request?.target);
    });
  }

  Deno.test(`a wrong token in ${place} is a 401 and reaches nobody`, async () => {
    const { query = "", header } = write("not-the-token");
    const { answer, request } = await pass([
      `GET /openai/v1/models${query} HTTP/1.1`,
      ...(header === undefined ? [] : [header]),
    ]);
    assertEquals([answer.status, answer.header("x-llm-proxy-error")], [401, "unauthorized"]);
    assertMatch(answer.header("www-authenticate") ?? "", /^Bearer/);
    assertEquals(request, undefined);
  });
}

Deno.test("with several credentials any valid one admits, and none of them goes upstream", async () => {
  const { answer, request, received } = await pass([
    "GET /anthropic/v1/models?key=other HTTP/1.1",
    `Authorization: Bearer ${SECRETS.clientKey}`,
    `X-Api-Key: ${TOKEN}`,
    `Api-Key: ${SECRETS.clientKey}`,
    `X-Goog-Api-Key: ${SECRETS.clientKey}`,
  ]);
  assertEquals(answer.status, 200);
  assertEquals(request?.header("x-api-key"), KEY);
  assertEquals(request?.header("authorization"), undefined);
  assert(!received.includes(TOKEN) && !received.includes(SECRETS.clientKey), received);
});

Deno.test("a Connection header cannot talk the proxy out of its key", async () => {
  const { request } = await pass([
    "GET /openai/v1/models HTTP/1.1",
    `X-Api-Key: ${TOKEN}`,
    "Connection: authorization, x-api-key",
  ]);
  assertEquals(request?.header("authorization"), `Bearer ${KEY}`);
});

Deno.test("passthrough: the client's own key goes on unchanged; the proxy token stands in Proxy-Authorization", async () => {
  const { answer, request, received } = await pass([
    `GET /openai/v1/models?key=${SECRETS.clientKey} HTTP/1.1`,
    `Authorization: Bearer ${SECRETS.clientKey}`,
    `Proxy-Authorization: Bearer ${TOKEN}`,
  ], {});
  assertEquals(answer.status, 200);
  assertEquals(request?.header("authorization"), `Bearer ${SECRETS.clientKey}`);
  assertEquals(request?.target, `/openai/v1/models?key=${SECRETS.clientKey}`);
  assert(!received.includes(TOKEN));
});

for (const [place, write] of PLACES) {
  Deno.test(`passthrough: a proxy token left in ${place} does not go upstream`, async () => {
    const { query = "", header } = write(TOKEN);
    const { received } = await pass([
      `GET /openai/v1/models${query} HTTP/1.1`,
      `Proxy-Authorization: Bearer ${TOKEN}`,
      ...(header === undefined || place === "proxy-authorization" ? [] : [header]),
    ], {});
    assert(!decodeURIComponent(received).includes(TOKEN), received);
  });
}

Deno.test("passthrough without any auth leaves the client's credentials alone", async () => {
  const { answer, request } = await pass([
    "GET /anthropic/v1/models HTTP/1.1",
    `X-Api-Key: ${SECRETS.clientKey}`,
  ], { auth: { mode: "none" } });
  assertEquals([answer.status, request?.header("x-api-key")], [200, SECRETS.clientKey]);
});

Deno.test("headers: end-to-end ones go on with their values, hop-by-hop ones and the named stay", async () => {
  const kept: [string, string][] = [
    ["anthropic-beta", "tools-2024-05-16,prompt-caching"],
    ["openai-organization", "org-1"],
    ["x-stainless-lang", "js"],
    ["x-unknown-to-everybody", "läßt"],
    ["user-agent", "Test/1.0"],
    ["accept", "application/json"],
    ["accept-encoding", "gzip, deflate, br, zstd"],
    ["cookie", "a=1; b=2"],
    ["content-type", "application/json"],
    ["origin", "https://app.test"],
    ["te-ish", "1"],
  ];
  const { request, body } = await pass(
    [
      "POST /openai/v1/chat/completions HTTP/1.1",
      `X-Api-Key: ${TOKEN}`,
      ...kept.map(([name, value]) => `${name}: ${value}`),
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "TE: trailers",
      "Trailer: X-Sum",
      "X-Named: 1",
      "Connection: X-Named",
      "Content-Length: 2",
    ],
    KEYED,
    "{}",
  );
  assert(request !== undefined);
  for (const [name, value] of kept) assertEquals(request.header(name), value, name);
  for (const name of ["keep-alive", "proxy-connection", "te", "trailer", "x-named"]) {
    assertEquals(request.header(name), undefined, name);
  }
  assertMatch(request.header("host") ?? "", /^127\.0\.0\.1:\d+$/);
  assertEquals(new TextDecoder().decode(body), "{}");
});

Deno.test("Expect: 100-continue is answered by the proxy and not sent on", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, KEYED);
  using client = await RawClient.connect(proxy.url);
  const body = '{"model":"demo-small","messages":[{"role":"user","content":"hi"}]}';
  await client.send(
    `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: p\r\nX-Api-Key: ${TOKEN}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  assertEquals((await client.head()).status, 100);
  await client.send(body);
  assertEquals((await client.answer("POST")).status, 200);
  assertEquals(upstream.requests[0]?.header("expect"), undefined);
});

/** Method, framing lines, body sent, and the content-length the upstream must see. */
const FRAMINGS: readonly (readonly [string, string, string[], string, string | undefined])[] = [
  ["a counted body keeps its length", "POST", ["Content-Length: 3"], "abc", "3"],
  [
    "a chunked body stays without a length",
    "POST",
    ["Transfer-Encoding: chunked"],
    "3\r\nabc\r\n0\r\n\r\n",
    undefined,
  ],
  ["PUT with a body", "PUT", ["Content-Length: 3"], "abc", "3"],
  ["PATCH with a body", "PATCH", ["Content-Length: 3"], "abc", "3"],
  ["DELETE with a body", "DELETE", ["Content-Length: 3"], "abc", "3"],
  ["GET with a body", "GET", ["Content-Length: 3"], "abc", "3"],
];
for (const [name, method, lines, body, length] of FRAMINGS) {
  const { test } = method === "GET" ? ownEngineTests("getBody") : Deno;
  test(`framing: ${name}`, async () => {
    const passed = await pass(
      [`${method} /openai/v1/files HTTP/1.1`, `X-Api-Key: ${TOKEN}`, ...lines],
      KEYED,
      body,
    );
    assertEquals(passed.request?.method, method);
    assertEquals(passed.request?.header("content-length"), length);
    assertEquals(new TextDecoder().decode(passed.body), "abc");
  });
}

for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"]) {
  Deno.test(`framing: ${method} without a body gets none`, async () => {
    const { answer, request, body } = await pass([
      `${method} /openai/v1/models HTTP/1.1`,
      `X-Api-Key: ${TOKEN}`,
    ]);
    assertEquals([answer.status, request?.method, body.length], [200, method, 0]);
    assertEquals(request?.header("transfer-encoding"), undefined);
  });
}

Deno.test("framing: an empty POST is an empty POST", async () => {
  const { answer, request, body } = await pass([
    "POST /openai/v1/files HTTP/1.1",
    `X-Api-Key: ${TOKEN}`,
    "Content-Length: 0",
  ]);
  assertEquals([answer.status, request?.method, body.length], [200, "POST", 0]);
});

Deno.test("a compressed body passes untouched with its content-encoding", async () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => 255 - index);
  const { request, body } = await pass(
    [
      "POST /openai/v1/responses HTTP/1.1",
      `X-Api-Key: ${TOKEN}`,
      "Content-Encoding: zstd",
      "Content-Length: 64",
    ],
    KEYED,
    bytes,
  );
  assertEquals(request?.header("content-encoding"), "zstd");
  assertEquals(body, bytes);
});

const CANNOT_PASS: readonly (readonly [string, string[]])[] = [
  ["TRACE", ["TRACE /openai/v1/models HTTP/1.1"]],
  ["a WebSocket upgrade", ["GET /openai/v1/realtime HTTP/1.1", "Upgrade: websocket", "Connection: upgrade"]],
];
for (const [name, lines] of CANNOT_PASS) {
  Deno.test(`${name} is refused in clear words, never changed in silence`, async () => {
    const { answer, request } = await pass(
      [...lines, `X-Api-Key: ${TOKEN}`],
      KEYED,
      lines.length > 1 ? "" : "",
    );
    assertEquals([answer.status, answer.header("x-llm-proxy-error")], [400, "bad_request"]);
    assertEquals(request, undefined);
  });
}
