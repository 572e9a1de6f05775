import { assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { type Transport, TransportError } from "../../src/forwarding/transport/transport.ts";
import { handlerBench } from "../support/handler.ts";

const answers: Transport = () =>
  Promise.resolve({ status: 200, headers: [], body: new Blob(["hello"]).stream() });
const authorized = (path: string, init: RequestInit = {}) =>
  new Request(`http://proxy.test${path}`, { headers: { authorization: "Bearer T" }, ...init });

Deno.test("handler: the record of an exchange holds what the access log needs", async () => {
  const bench = handlerBench(async (request) => {
    bench.clock.pass(20);
    return await answers(request);
  });
  const response = await bench.handler(authorized("/openai/v1/models?secret=1"));
  bench.clock.pass(5);
  await response.text();
  assertEquals(bench.records, [{
    id: "req_test",
    method: "GET",
    path: "/openai/v1/models",
    principal: "shared",
    endpoint: "openai",
    status: 200,
    bytes: 5,
    firstByteMs: 20,
    durationMs: 25,
    ending: "complete",
    detail: undefined,
  }]);
  assertEquals(bench.clock.pending, 0, "no timer is left");
});

Deno.test("handler: the upstream's URL, key and query", async () => {
  const bench = handlerBench(answers);
  const response = await bench.handler(authorized("/anthropic/v1/messages?beta=true&key=T&x=%zz"));
  await response.text();
  const [sent] = bench.sent;
  assertEquals([sent?.origin, sent?.target], ["https://anthropic.test", "/v1/messages?beta=true&x=%zz"]);
  assertEquals(sent?.headers, [["x-api-key", "K"]]);
});

/** Headers of a request to nowhere, and where the error's message stands in the answer. */
const DIALECTS: readonly (readonly [string, Record<string, string>, string])[] = [
  ["OpenAI's clients", { authorization: "Bearer T" }, "openai"],
  ["Anthropic's clients", { "x-api-key": "T", "anthropic-version": "2023-06-01" }, "anthropic"],
  ["Gemini's clients", { "x-goog-api-key": "T" }, "gemini"],
];
for (const [who, headers, dialect] of DIALECTS) {
  Deno.test(`handler: an unknown path is a 404 in the dialect of ${who}`, async () => {
    const bench = handlerBench(answers);
    const response = await bench.handler(new Request("http://proxy.test/nowhere", { headers }));
    const body = await response.json();
    assertEquals(response.status, 404);
    assertEquals(
      body.type === "error" ? "anthropic" : typeof body.error.code === "number" ? "gemini" : "openai",
      dialect,
    );
    assertStringIncludes(JSON.stringify(body), "This proxy serves /openai/, /anthropic/");
    assertEquals(bench.records[0]?.ending, "not_found");
  });
}

Deno.test("handler: while draining new exchanges are a 503 with retry-after, and /readyz says so", async () => {
  const bench = handlerBench(answers);
  const ready = () => bench.handler(new Request("http://proxy.test/readyz"));
  assertEquals((await ready()).status, 200);
  bench.draining = true;
  const response = await bench.handler(authorized("/openai/v1/models"));
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
  assertEquals(response.headers.get("x-llm-proxy-error"), "draining");
  assertEquals((await ready()).status, 503);
  assertEquals((await bench.handler(new Request("http://proxy.test/healthz"))).status, 200);
  assertEquals(bench.sent, []);
});

Deno.test("handler: /health tells status, version and uptime", async () => {
  const bench = handlerBench(answers);
  bench.clock.pass(61_999);
  const response = await bench.handler(new Request("http://proxy.test/health"));
  assertEquals(await response.json(), { status: "ok", version: VERSION, uptime_seconds: 61 });
  assertEquals(bench.records, [], "health is no exchange");
});

Deno.test("handler: a transport's failure is a 502 in clear words, and no timer is left", async () => {
  const bench = handlerBench(() => Promise.reject(new TransportError("it refused the connection")));
  const response = await bench.handler(authorized("/openai/v1/models"));
  assertEquals(response.status, 502);
  assertEquals(
    (await response.json()).error.message,
    "No answer from openai.test: it refused the connection.",
  );
  assertEquals([bench.clock.pending, bench.records[0]?.ending], [0, "bad_gateway"]);
});

Deno.test("handler: an error nobody foresaw is a 500 without its words, and is reported", async () => {
  const bench = handlerBench(() => Promise.reject(new TypeError("inner workings")));
  const response = await bench.handler(authorized("/openai/v1/models"));
  const text = await response.text();
  assertEquals([response.status, text.includes("inner workings")], [500, false]);
  assertEquals(bench.unexpected.map(String), ["TypeError: inner workings"]);
});

Deno.test("handler: exchanges that are cut short end with the reason, begun or not", async () => {
  const { ProxyFault } = await import("../../src/faults.ts");
  const bench = handlerBench(({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const answer = bench.handler(authorized("/openai/v1/models"));
  bench.cut.abort(new ProxyFault("draining", "over"));
  assertEquals((await answer).status, 503);
  assertEquals(bench.records[0]?.ending, "draining");
});
