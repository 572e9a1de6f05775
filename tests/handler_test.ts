import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ProxyFault } from "../src/faults.ts";
import { field } from "../src/http/fields.ts";
import { type Transport, TransportError } from "../src/forwarding/transport/transport.ts";
import { VERSION } from "../src/release.ts";
import type { MessageBody } from "../src/streams/byte_source.ts";
import { HandlerBench, textSource } from "./support/proxies/handler.ts";
import { fieldsOf } from "./support/data/fields.ts";
import { until } from "./support/time/deadline.ts";

const sendsResponse: Transport["send"] = () =>
  Promise.resolve({ status: 200, reason: "OK", fields: [], body: textSource("hello") });
const TOKEN = "Authorization: Bearer T";

Deno.test("handler: the record of an exchange has the fields of the access log", async () => {
  const bench: HandlerBench = new HandlerBench((request) => {
    bench.clock.pass(20);
    return sendsResponse(request);
  });
  await bench.ask("GET /openai/v1/models?secret=1", TOKEN);
  assertEquals(bench.records, [{
    id: "req_test",
    method: "GET",
    path: "/openai/v1/models",
    client: "192.0.2.1",
    principal: "shared",
    tokenId: undefined,
    endpoint: "openai",
    backend: "openai.test",
    attempts: [{ backend: "openai.test", afterMs: 0, detail: undefined }],
    status: 200,
    bytes: 5,
    firstByteMs: 20,
    durationMs: 20,
    ending: "complete",
    detail: undefined,
    usage: undefined,
  }]);
  assertEquals(bench.clock.pending, 0, "no timer is left");
});

Deno.test("handler: the upstream's URL, key and query", async () => {
  const bench = new HandlerBench(sendsResponse);
  await bench.ask("GET /anthropic/v1/messages?beta=true&key=T&x=%zz", TOKEN);
  const [sent] = bench.sent;
  assertEquals([sent?.origin, sent?.target], ["https://anthropic.test", "/v1/messages?beta=true&x=%zz"]);
  assertEquals(sent?.fields, [{ name: "x-api-key", lower: "x-api-key", value: "K" }]);
});

/** Header lines of a request with an unknown path, and the dialect of the response. */
const DIALECTS: readonly (readonly [string, string[], string])[] = [
  ["OpenAI's clients", [TOKEN], "openai"],
  ["Anthropic's clients", ["x-api-key: T", "anthropic-version: 2023-06-01"], "anthropic"],
  ["Gemini's clients", ["x-goog-api-key: T"], "gemini"],
];
for (const [who, lines, dialect] of DIALECTS) {
  Deno.test(`handler: an unknown path is a 404 in the dialect of ${who}`, async () => {
    const bench = new HandlerBench(sendsResponse);
    const { status, text } = await bench.ask("GET /nowhere", ...lines);
    const body = JSON.parse(text);
    assertEquals(status, 404);
    assertEquals(
      body.type === "error" ? "anthropic" : typeof body.error.code === "number" ? "gemini" : "openai",
      dialect,
    );
    assertStringIncludes(text, "This proxy serves /openai/, /anthropic/");
    assertEquals(bench.records[0]?.ending, "not_found");
  });
}

Deno.test("handler: a 404 for a path that is long or contains control characters quotes its harmless beginning", async () => {
  const bench = new HandlerBench(sendsResponse);
  const { text } = await bench.ask(`GET /x\u202e${"a".repeat(5_000)}`, "authorization: Bearer T");
  const { message } = JSON.parse(text).error;
  assert(message.length < 500 && !message.includes("\u202e") && message.includes("\\u202e"), message);
});

Deno.test("handler: while draining new exchanges are a 503 with retry-after, and /readyz says so", async () => {
  const bench = new HandlerBench(sendsResponse);
  assertEquals((await bench.ask("GET /readyz")).status, 200);
  bench.draining = true;
  const response = await bench.ask("GET /openai/v1/models", TOKEN);
  assertEquals([response.status, response.header("retry-after")], [503, "1"]);
  assertEquals(response.header("x-llm-proxy-error"), "draining");
  assertEquals((await bench.ask("GET /readyz")).status, 503);
  assertEquals((await bench.ask("GET /healthz")).status, 200);
  assertEquals(bench.sent, []);
});

Deno.test("handler: a request that waits for a slot when draining begins is a 503, and is not forwarded", async () => {
  const { promise: first, resolve: endFirst } = Promise.withResolvers<void>();
  const bench = new HandlerBench(async (request) => {
    await first;
    return await sendsResponse(request);
  });
  bench.slots.configure({ maxExchanges: 1, maxPerPrincipal: 1, queueMs: Infinity });
  const running = bench.ask("GET /openai/v1/models", TOKEN);
  await until(() => bench.sent.length === 1, "the first request at the upstream");
  const waiting = bench.ask("GET /openai/v1/models", TOKEN);
  await until(() => bench.slots.waiting === 1, "the second request in the queue");
  bench.draining = true;
  endFirst();
  assertEquals((await running).status, 200);
  const response = await waiting;
  assertEquals([response.status, response.header("x-llm-proxy-error")], [503, "draining"]);
  assertEquals(bench.sent.length, 1);
});

Deno.test("handler: a request whose body is still arriving when draining begins is served", async () => {
  const bench = new HandlerBench(sendsResponse, { rules: { models: ["a"] } });
  const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
  const whole = textSource('{"model":"a"}');
  let isRead = false;
  let hasArrived = false;
  const body: MessageBody = {
    ...whole,
    tryRead: () => {
      isRead = true;
      return hasArrived ? whole.tryRead() : undefined;
    },
    readable: () => rest,
  };
  const lines = ["POST /openai/v1/chat/completions", TOKEN, "content-type: application/json"];
  const running = bench.send(lines, body);
  await until(() => isRead, "the read of the body");
  bench.draining = true;
  hasArrived = true;
  sendRest();
  assertEquals((await running).status, 200);
  assertEquals(bench.sent.length, 1);
});

Deno.test("handler: /health has the status, the version and the uptime", async () => {
  const bench = new HandlerBench(sendsResponse);
  bench.clock.pass(61_999);
  const { text } = await bench.ask("GET /health");
  assertEquals(JSON.parse(text), { status: "ok", version: VERSION, uptime_seconds: 61 });
  assertEquals(bench.records, [], "health is no exchange");
});

Deno.test("handler: a failure of the transport is a 502 with a clear message, and no timer is left", async () => {
  const facts = { phase: "connect", sent: false, received: false, reused: false, elapsedMs: 0 } as const;
  const bench = new HandlerBench((request) => {
    request.onPhase("connect");
    return Promise.reject(new TransportError("it refused the connection", facts));
  });
  const { status, text } = await bench.ask("GET /openai/v1/models", TOKEN);
  assertEquals(status, 502);
  assertEquals(JSON.parse(text).error.message, "No response from openai.test: it refused the connection.");
  assertEquals([bench.clock.pending, bench.records[0]?.ending], [0, "bad_gateway"]);
});

Deno.test("handler: the memory for a body is released when the response begins, and if there is no response", async () => {
  const fails = () => Promise.reject(new Error("an unexpected error"));
  for (const [outcome, status] of [[sendsResponse, 200], [fails, 500]] as const) {
    let held = 0;
    const bench = new HandlerBench((request) => {
      held = bench.heldBytes.held;
      return outcome(request);
    });
    const lines = ["POST /openai/v1/x", TOKEN];
    assertEquals((await bench.send(lines, textSource("a body", 6))).status, status);
    assertEquals([held, bench.heldBytes.held], [6, 0], String(status));
  }
});

Deno.test("handler: an unexpected error is a 500 without its message, and is reported", async () => {
  const bench = new HandlerBench(() => Promise.reject(new TypeError("inner workings")));
  const { status, text } = await bench.ask("GET /openai/v1/models", TOKEN);
  assertEquals([status, text.includes("inner workings")], [500, false]);
  assertEquals(bench.unexpected.map(String), ["TypeError: inner workings"]);
});

Deno.test("handler: an error between the upstream's head and the client's closes the upstream's response, and is a 500", async () => {
  let cancelled = 0;
  const body = { ...textSource("hello"), cancel: () => void cancelled++ };
  // Only the fields for the client depend on the value of a cookie.
  const cookie = {
    ...field("set-cookie", ""),
    get value(): string {
      throw new TypeError("inner workings");
    },
  };
  const bench = new HandlerBench(() =>
    Promise.resolve({ status: 200, reason: "OK", fields: [cookie], body })
  );
  assertEquals((await bench.ask("GET /openai/v1/models", TOKEN)).status, 500);
  assertEquals(
    [cancelled, bench.clock.pending],
    [1, 0],
    "the upstream's response is closed, and no timer is left",
  );
  assertEquals(bench.records.map(({ status, ending }) => [status, ending]), [[500, "internal"]]);
  assertEquals(bench.unexpected.map(String), ["TypeError: inner workings"]);
});

Deno.test("handler: an exchange that is cut short before its response ends with the reason", async () => {
  const bench = new HandlerBench(({ cancellation }) =>
    new Promise((_, reject) => cancellation.addListener({ cancelled: () => reject(cancellation.reason) }))
  );
  const response = bench.ask("GET /openai/v1/models", TOKEN);
  for (const cancellation of bench.running) cancellation.cancel(new ProxyFault("draining", "over"));
  assertEquals((await response).status, 503);
  assertEquals(bench.records[0]?.ending, "draining");
});

const PAGE = "Origin: https://page.test";

Deno.test("CORS: a listed page's preflight gets a response without a token, that of another page does not", async () => {
  const bench = new HandlerBench(sendsResponse);
  const wanted = [
    "Access-Control-Request-Method: POST",
    "Access-Control-Request-Headers: authorization, x-a",
  ];
  const preflight = await bench.ask("OPTIONS /openai/v1/models", PAGE, ...wanted);
  assertEquals([
    preflight.status,
    preflight.header("access-control-allow-origin"),
    preflight.header("access-control-allow-methods"),
    preflight.header("access-control-allow-headers"),
  ], [204, "https://page.test", "POST", "authorization, x-a"]);
  for (const origin of ["https://other.test", "https://page.test.evil", "http://page.test", "null"]) {
    const refused = await bench.ask("OPTIONS /openai/v1/models", `Origin: ${origin}`, ...wanted);
    assertEquals([refused.status, refused.header("access-control-allow-origin")], [401, undefined], origin);
  }
  assertEquals((await bench.ask("OPTIONS /openai/v1/models", PAGE)).status, 401, "no preflight");
  assertEquals(bench.sent.length, 0);
});

Deno.test("CORS: a listed page may read responses and errors; the provider's own permission is never passed on with a key", async () => {
  const fields = fieldsOf(
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Credentials: true",
    "Access-Control-Expose-Headers: X-Request-ID",
  );
  const bench = new HandlerBench(() => Promise.resolve({ status: 200, reason: "OK", fields, body: null }));
  const listed = await bench.ask("GET /openai/v1/models", PAGE, TOKEN);
  assertEquals([
    listed.header("access-control-allow-origin"),
    listed.header("access-control-allow-credentials"),
  ], [
    "https://page.test",
    undefined,
  ]);
  assertEquals(
    (await bench.ask("GET /openai/v1/models", PAGE)).header("access-control-allow-origin"),
    "https://page.test",
  );
  const other = await bench.ask("GET /openai/v1/models", "Origin: https://other.test", TOKEN);
  assertEquals([other.header("access-control-allow-origin"), other.header("access-control-expose-headers")], [
    undefined,
    "X-Request-ID",
  ]);
});
