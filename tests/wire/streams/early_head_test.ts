/** `keepalive_before_head`: the proxy begins event streams whose upstream does not answer for long. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import type { Endpoint } from "../../../src/config/config.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { within } from "../../support/time/deadline.ts";
import { passing } from "../../support/time/passing_time.ts";
import { chunk, FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";

const earlyHeadMs = 20;
const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;
const COMMENT = ": keepalive\n\n";
const CHAT = "/openai/v1/chat/completions";
const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: of the provider\r\nTransfer-Encoding: chunked\r\n\r\n";
const EVENTS = [
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n',
  'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n',
  "data: [DONE]\n\n",
];
const STREAM = STREAM_HEAD + EVENTS.map(chunk).join("") + "0\r\n\r\n";

function endpoints(origin: string, more: Partial<Endpoint> = {}): Endpoint[] {
  const at = (path: string, keyField: string) => testBackend(origin, { path, keyField, key: KEY });
  return [
    testEndpoint("openai", [at("/openai/v1", "authorization")], { earlyHeadMs, ...more }),
    testEndpoint("anthropic", [at("/anthropic", "x-api-key")], {
      dialect: "anthropic",
      earlyHeadMs,
      ...more,
    }),
    testEndpoint("gemini", [at("/gemini", "x-goog-api-key")], { dialect: "gemini", earlyHeadMs, ...more }),
  ];
}

function ask(
  url: string,
  path: string,
  init: { body?: unknown; headers?: HeadersInit; method?: string } = {},
) {
  const { body = { model: "m", stream: true, messages: [] }, headers = {}, method = "POST" } = init;
  return fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${SECRETS.proxyToken}`,
      "content-type": "application/json",
      ...headers,
    },
    ...(method === "POST" && { body: JSON.stringify(body) }),
  });
}

/** An upstream that answers when the test releases it. */
function held(answer: string): { script: Script; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    release: resolve,
    script: async (exchange) => {
      await gather(exchange.body());
      await within(promise, "the release of the answer");
      if (answer === "") exchange.close();
      else await exchange.write(answer);
    },
  };
}

/** The whole text of a response, after `release` is called at its first comment. */
async function textAfterComment(response: Response, release: () => void): Promise<string> {
  let text = "";
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (text.startsWith(COMMENT)) release();
  }
  return text;
}

/** The text behind the comments at its beginning. */
function afterComments(text: string): string {
  let rest = text;
  while (rest.startsWith(COMMENT)) rest = rest.slice(COMMENT.length);
  assert(rest.length < text.length, `no comment: ${text}`);
  return rest;
}

function errorOf(text: string): unknown {
  const [, data = ""] = /^event: error\ndata: (.*)\n\n$/.exec(afterComments(text)) ?? [];
  assert(data !== "", text);
  return JSON.parse(data);
}

Deno.test("keepalive_before_head: comments come before the upstream's head, and then its stream", async () => {
  const { script, release } = held(STREAM);
  await using upstream = new FakeUpstream({ script });
  await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
  const response = await ask(proxy.url, CHAT, { headers: { "accept-encoding": "gzip, br" } });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(response.headers.get("x-accel-buffering"), "no");
  assert(response.headers.get("x-request-id") !== "of the provider");
  assertEquals(afterComments(await textAfterComment(response, release)), EVENTS.join(""));
  assertEquals(upstream.requests.map((request) => request.header("accept-encoding")), ["identity"]);
  const { status, bytes } = await proxy.logged("exchange");
  assertEquals([status, bytes], [200, EVENTS.join("").length]);
});

Deno.test("keepalive_before_head: an upstream that answers in time is untouched", async () => {
  const error = '{"error":{"message":"slow down","type":"rate_limit_error","code":null}}';
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(
        plainAnswer(error, { status: "429 Too Many Requests", headers: "Retry-After: 3\r\n" }),
      );
    },
  });
  await using proxy = new LocalProxy(upstream, {
    endpoints: endpoints(upstream.origin, { earlyHeadMs: 60_000 }),
  });
  const response = await ask(proxy.url, CHAT);
  assertEquals([response.status, response.headers.get("retry-after")], [429, "3"]);
  assertEquals(await response.text(), error);
});

for (
  const [what, path, { body, headers, method }] of [
    ["a body without stream", CHAT, { body: { model: "m" } }],
    ["a body with stream: false", CHAT, { body: { model: "m", stream: false } }],
    ["a stream within a message", CHAT, { body: { model: "m", messages: [{ stream: true }] } }],
    ["accept with JSON too", "/openai/v1/mcp", {
      body: {},
      headers: { accept: "application/json, text/event-stream" },
    }],
    ["Gemini's stream", "/gemini/v1beta/models/m:streamGenerateContent?alt=sse", {
      headers: { accept: "text/event-stream" },
    }],
    ["HEAD", CHAT, { method: "HEAD", headers: { accept: "text/event-stream" } }],
  ] as readonly (readonly [string, string, { body?: unknown; headers?: HeadersInit; method?: string }])[]
) {
  Deno.test(`keepalive_before_head: ${what} waits for the upstream's head`, async () => {
    const { script, release } = held(
      "HTTP/1.1 429 Too Many Requests\r\nX-Is: kept\r\nContent-Length: 0\r\n\r\n",
    );
    await using upstream = new FakeUpstream({ script });
    await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
    const response = ask(proxy.url, path, {
      ...(body !== undefined && { body }),
      ...(headers !== undefined && { headers }),
      ...(method !== undefined && { method }),
    });
    const waited = passing(5 * earlyHeadMs, { why: "the proxy would begin the response in this time" });
    const early = await Promise.race([response, waited]);
    release();
    const { status, headers: got, body: rest } = await response;
    await rest?.cancel();
    assertEquals([early, status, got.get("x-is")], [undefined, 429, "kept"]);
  });
}

Deno.test("keepalive_before_head: a request that accepts only event streams gets comments", async () => {
  const { script, release } = held(STREAM);
  await using upstream = new FakeUpstream({ script });
  await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
  const response = await ask(proxy.url, "/openai/v1/responses/resp_1", {
    method: "GET",
    headers: { accept: "text/event-stream" },
  });
  assertEquals(afterComments(await textAfterComment(response, release)), EVENTS.join(""));
});

Deno.test("keepalive_before_head: a late error of the provider is an event, and the log has its status", async () => {
  const error = '{\n  "error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}\n}';
  const { script, release } = held(
    plainAnswer(error, {
      status: "429 Too Many Requests",
      headers: "Content-Type: application/json\r\nRetry-After: 3\r\n",
    }),
  );
  await using upstream = new FakeUpstream({ script });
  await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
  const response = await ask(proxy.url, CHAT);
  assertEquals(response.status, 200);
  assertEquals(errorOf(await textAfterComment(response, release)), JSON.parse(error));
  assertEquals((await proxy.logged("exchange")).status, 429);
});

for (
  const [what, answer, message, status] of [
    [
      "an error that is not JSON",
      plainAnswer("<h1>Bad</h1>", { status: "503 Unavailable", headers: "Content-Type: text/html\r\n" }),
      "The provider answered 503.",
      503,
    ],
    [
      "an answer in JSON",
      plainAnswer('{"object":"chat.completion"}', { headers: "Content-Type: application/json\r\n" }),
      "The provider answered 200 with application/json, and not with an event stream.",
      200,
    ],
    ["an answer without a body", "HTTP/1.1 204 No Content\r\n\r\n", "The provider answered 204", 204],
    [
      "a compressed stream",
      plainAnswer("zzzz", { headers: "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n" }),
      "The provider answered 200 with text/event-stream, gzip",
      200,
    ],
    ["an upstream that closes the connection", "", "it closed the connection without a response", 502],
  ] as const
) {
  Deno.test(`keepalive_before_head: ${what} becomes an error in the dialect of the client`, async () => {
    for (
      const [path, headers, shape] of [
        [CHAT, {}, /^\{"error":\{"message":"(.*)","type":"api_error","code":"bad_gateway","param":null\}\}$/],
        [
          "/openai/v1/responses",
          {},
          /^\{"type":"error","sequence_number":0,"code":"bad_gateway","message":"(.*)","param":null,"error":\{.*\}\}$/,
        ],
        [
          "/anthropic/v1/messages",
          { "x-api-key": SECRETS.proxyToken },
          /^\{"type":"error","error":\{"type":"api_error","message":"(.*)"\},"request_id":".*"\}$/,
        ],
      ] as const
    ) {
      const { script, release } = held(answer);
      await using upstream = new FakeUpstream({ script });
      await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
      const response = await ask(proxy.url, path, { headers });
      const error = JSON.stringify(errorOf(await textAfterComment(response, release)));
      assertMatch(error, shape);
      assertStringIncludes(error, message);
      assertEquals((await proxy.logged("exchange")).status, status);
    }
  });
}

Deno.test("keepalive_before_head: the next backend still gets the request after the head was sent", async () => {
  const first = held(plainAnswer("{}", { status: "503 Unavailable" }));
  await using broken = new FakeUpstream({ script: first.script });
  await using well = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(STREAM);
    },
  });
  const backends = [broken, well].map(({ origin }) => testBackend(origin, { path: "/openai/v1", key: KEY }));
  await using proxy = new LocalProxy(broken, {
    endpoints: [testEndpoint("openai", backends, { earlyHeadMs })],
  });
  const response = await ask(proxy.url, CHAT);
  assertEquals(afterComments(await textAfterComment(response, first.release)), EVENTS.join(""));
  assertEquals((await proxy.logged("exchange")).backend, new URL(well.origin).host);
});

Deno.test("keepalive_before_head: a client that leaves ends the request at the upstream", async () => {
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      arrived.resolve();
      await exchange.peerClosed();
      closed.resolve();
    },
  });
  await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
  const response = await ask(proxy.url, CHAT);
  await within(arrived.promise, "the request at the upstream");
  await response.body?.cancel();
  await within(closed.promise, "the end of the request at the upstream");
  const { status, ending } = await proxy.logged("exchange");
  assertEquals([status, ending], [499, "client_gone"]);
});

for (
  const [what, answer, cost] of [
    ["a late stream", STREAM, [7, 3]],
    [
      "a late answer in JSON, which the client cannot use",
      plainAnswer(
        '{"object":"chat.completion","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}',
        { headers: "Content-Type: application/json\r\n" },
      ),
      [7, 3],
    ],
    [
      "a late error",
      plainAnswer('{"error":{"message":"no","type":"t"}}', {
        status: "500 Error",
        headers: "Content-Type: application/json\r\n",
      }),
      [0, 0],
    ],
  ] as const
) {
  Deno.test(`keepalive_before_head: the usage of ${what} is counted`, async () => {
    const { script, release } = held(answer);
    await using upstream = new FakeUpstream({ script });
    await using proxy = await ManagedProxy.start(upstream, { endpoints: endpoints(upstream.origin) });
    const { value } = await proxy.token();
    const response = await proxy.chat(value, { model: "m", stream: true, messages: [] });
    await textAfterComment(response, release);
    const { input_tokens, output_tokens } = await proxy.proxy.logged("exchange");
    assertEquals([input_tokens ?? 0, output_tokens ?? 0], [...cost]);
  });
}

Deno.test("keepalive_before_head: the official SDKs read late streams, and throw at late errors", async () => {
  const slow = (answer: string): Script => async (exchange) => {
    await gather(exchange.body());
    await passing(5 * earlyHeadMs, { why: "the proxy begins the response in this time" });
    await exchange.write(answer);
  };
  await using upstream = new FakeUpstream({ script: slow(STREAM) });
  await using proxy = new LocalProxy(upstream, { endpoints: endpoints(upstream.origin) });
  const openai = new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey: SECRETS.proxyToken });
  const read = async (): Promise<string> => {
    let text = "";
    for await (
      const one of await openai.chat.completions.create({ model: "m", stream: true, messages: [] })
    ) {
      text += one.choices[0]?.delta.content ?? "";
    }
    return text;
  };
  assertEquals(await read(), "Hi");
  const error = (body: string) =>
    plainAnswer(body, { status: "529 Overloaded", headers: "Content-Type: application/json\r\n" });
  upstream.script(slow(error('{"error":{"message":"come later","type":"server_error","code":null}}')));
  assertStringIncludes((await assertRejects(read, OpenAI.APIError)).message, "come later");
  await assertRejects(
    async () => {
      for await (const _ of await openai.responses.create({ model: "m", stream: true, input: "Hi" }));
    },
    OpenAI.APIError,
    "come later",
  );
  upstream.script(slow(error('{"type":"error","error":{"type":"overloaded_error","message":"come later"}}')));
  const anthropic = new Anthropic({ baseURL: `${proxy.url}/anthropic`, apiKey: SECRETS.proxyToken });
  const messages = () =>
    anthropic.messages.stream({
      model: "m",
      max_tokens: 10,
      messages: [{ role: "user", content: "Hi" }],
    }).finalText();
  assertStringIncludes((await assertRejects(messages, Anthropic.APIError)).message, "come later");
});
