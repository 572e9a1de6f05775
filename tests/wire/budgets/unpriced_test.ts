/** What has a price, what has none, and what is said about it. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { openWebSocket } from "../../support/clients/websocket.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { proxyCommand, proxyEnv } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };

/** Answers with the model that was asked for. */
const answers: Script = async ({ request, body, write }) => {
  let text = "";
  for await (const piece of body()) text += new TextDecoder().decode(piece);
  if (request.target.endsWith("/models")) {
    return await write(plainAnswer('{"data":[{"id":"gpt-4o-mini"},{"id":"llama3.3"}]}', JSON_TYPE));
  }
  const { model } = JSON.parse(text);
  const usage = '{"prompt_tokens":1000,"completion_tokens":10}';
  await write(plainAnswer(`{"model":${JSON.stringify(model)},"usage":${usage}}`, JSON_TYPE));
};

async function ask(proxy: ManagedProxy, token: string, models: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const model of models) {
    const { status, body } = await proxy.chat(token, { model, messages: [] });
    await body?.cancel();
    statuses.push(status);
  }
  return statuses;
}

const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;

function endpoint(upstream: FakeUpstream, options: Partial<Endpoint> = {}): Endpoint {
  return testEndpoint("openai", [testBackend(upstream.origin, { path: "/openai/v1", key: KEY })], options);
}

Deno.test("a known model without a price is logged once for each endpoint and model", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpoint(upstream)] });
  const { value } = await proxy.token();
  await ask(proxy, value, ["gpt-4o-mini", "gpt-4o-mini", "llama3.3", "gpt-4o"]);
  const { body } = await proxy.api("GET", "/usage?group=endpoint");
  assertEquals([body.data[0].requests, body.data[0].unpriced_requests], [4, 4]);
  assertMatch(await proxy.metrics(), /llm_proxy_unpriced_exchanges_total\{endpoint="openai"\} 4/);
  const said = proxy.planeLog.filter(({ event }) => event === "unpriced");
  const at = `has no price at openai (${upstream.origin}/openai/v1); if openai bills it, ` +
    'set endpoints.openai.price_provider = "openai" (OPENAI_PRICE_PROVIDER=openai)';
  assertEquals(said.map(({ endpoint, detail }) => [endpoint, detail]), [
    ["openai", `gpt-4o-mini ${at}`],
    ["openai", `gpt-4o ${at}`],
  ]);
});

Deno.test("a budget rejects models without a price, also at an endpoint or a backend without any price", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  const priced = { ...endpoint(upstream, { priceProvider: "openai" }), name: "priced" };
  const spare = testBackend(upstream.origin, { name: "spare", key: KEY });
  const mixed = {
    ...endpoint(upstream),
    name: "mixed",
    backends: [testBackend("https://api.openai.com", { key: KEY }), spare],
  };
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [endpoint(upstream), priced, mixed],
  });
  const { value } = await proxy.token({ budget: { day_usd: 1 } });
  const other = await proxy.token();
  const asked = async (token: string, name: string, model: string) => {
    const response = await proxy.chat(token, { model, messages: [] }, {
      path: `/${name}/v1/chat/completions`,
    });
    return [response.status, /has no price at \w+/.exec(await response.text())?.[0]];
  };
  assertEquals(await asked(value, "openai", "gpt-4o-mini"), [403, "has no price at openai"]);
  assertEquals(await asked(value, "mixed", "gpt-4o-mini"), [403, "has no price at mixed"]);
  assertEquals(await asked(value, "priced", "not-a-model"), [403, "has no price at priced"]);
  assertEquals(await asked(value, "priced", "gpt-4o-mini"), [200, undefined]);
  assertEquals(await asked(other.value, "openai", "not-a-model"), [200, undefined]);
  assertEquals(upstream.requests.length, 2, "no rejected request reached a provider");
});

const sentInstead = (...names: readonly [string, string][]) => ({
  byName: new Map(names),
  otherwise: undefined,
});
const HOUSE = { byName: new Map(), otherwise: "house-model" };
const MINI = { byName: new Map(), otherwise: "gpt-4o-mini" };
for (
  const [what, overrides, body] of [
    ["a spare backend has an override", [undefined, MINI], { model: "ft:gpt-4o:acme::abc" }],
    ["the first backend has an override", [MINI, undefined], { model: "big" }],
    ["another backend replaces its name", [sentInstead(["big", "gpt-4o-mini"]), undefined], { model: "big" }],
    ["an override sends it", [HOUSE], { model: "gpt-4o-mini" }],
    ["an override sends it under a name that it also replaces", [
      sentInstead(["fast", "house-model"], ["house-model", "gpt-4o-mini"]),
    ], { model: "fast" }],
    ["a name is replaced by itself", [sentInstead(["fast", "fast"])], { model: "fast" }],
    ["a list beside the replaced model names it", [MINI], { model: "a", models: ["zzz"] }],
  ] as const
) {
  Deno.test(`a budget rejects a model without a price, although ${what}`, async () => {
    await using upstream = new FakeUpstream({ script: answers });
    const backends = overrides.map((model, index) =>
      testBackend(upstream.origin, {
        name: `b${index}`,
        path: "/openai/v1",
        key: KEY,
        ...model && { model },
      })
    );
    const endpoints = [testEndpoint("openai", backends, { priceProvider: "openai" })];
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    const { value } = await proxy.token({ budget: { total_usd: 1 } });
    const rejected = await proxy.chat(value, { messages: [], ...body });
    assertEquals([rejected.status, upstream.requests.length], [403, 0], await rejected.text());
  });
}

Deno.test("a budget admits names without a price that every backend replaces by a model with one", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  const backends = [MINI, sentInstead(["big", "gpt-4o"])].map((model, index) =>
    testBackend(upstream.origin, { name: `b${index}`, path: "/openai/v1", key: KEY, model })
  );
  const endpoints = [testEndpoint("openai", backends, { priceProvider: "openai" })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({ budget: { total_usd: 1 } });
  assertEquals(await ask(proxy, value, ["big", "gpt-4o", "other"]), [200, 200, 403]);
});

Deno.test("a budget admits moderations, and no response of a model whose name contains the word", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [endpoint(upstream, { priceProvider: "openai" })],
  });
  const { id, value } = await proxy.token({ budget: { total_usd: 1 } });
  const names = ["omni-moderation-latest", "gpt-4o/omni-moderation-latest", "a-moderation-b"];
  assertEquals(await ask(proxy, value, names), [403, 403, 403]);
  const spent = async () => (await proxy.api("GET", `/tokens/${id}`)).body.spent.total_micros;
  const moderated = await proxy.chat(value, { model: "omni-moderation-latest", input: "a" }, {
    path: "/openai/v1/moderations",
  });
  assertEquals([moderated.status, await spent()], [200, 0], await moderated.text());
  assertEquals(await ask(proxy, value, ["gpt-4o:moderation"]), [200]);
  // The price of gpt-4o: 1,000 tokens of input at 2.50 and 10 of output at 10.00 per million.
  assertEquals(await spent(), 2_600);
});

ownEngineTests("webSocket").test("a budget rejects a WebSocket of a model without a price", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpoint(upstream)] });
  const { value } = await proxy.token({ budget: { day_usd: 1 } });
  const path = "/openai/v1/realtime?model=gpt-realtime";
  const socket = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${value}`]);
  using _peer = socket.peer;
  if (socket.status !== 101) await socket.text();
  assertEquals([socket.status, upstream.requests.length], [403, 0]);
});

Deno.test("a local server costs nothing: it is not unpriced, in no place, and takes no budget", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  const endpoints = [endpoint(upstream, { priceProvider: "local" })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({ budget: { total_usd: 0.000001 } });
  assertEquals(await ask(proxy, value, ["gpt-4o-mini", "llama3.3", "gpt-4o"]), [200, 200, 200]);
  const { body } = await proxy.api("GET", "/usage?group=endpoint");
  const [{ requests, unpriced_requests, cost_micros }] = body.data;
  assertEquals([requests, unpriced_requests, cost_micros], [3, 0, 0]);
  const exchanges = await proxy.api("GET", "/exchanges?limit=1");
  const [row] = exchanges.body.data;
  assertEquals([row.cost_micros, row.price_version, row.cost_is_partial], [0, "local", false]);
  assertMatch(await proxy.metrics(), /llm_proxy_unpriced_exchanges_total\{endpoint="openai"\} 0/);
  assertEquals(proxy.planeLog.filter(({ event }) => event === "unpriced"), []);
  const shown = await proxy.api("GET", "/endpoints");
  assertEquals(shown.body.data[0].price_provider, "local");
});

async function check(args: readonly string[], upstream: FakeUpstream, env: Record<string, string> = {}) {
  const folder = await Deno.makeTempDir();
  const all = proxyEnv({
    upstream: upstream.origin,
    env: { ENDPOINTS: "openai", MANAGEMENT_TOKEN: SECRETS.managementToken, NO_COLOR: "1", ...env },
  });
  const { stdout } = await proxyCommand(["check", "--json", ...args], all, folder).output();
  await Deno.remove(folder, { recursive: true });
  const { warnings } = JSON.parse(new TextDecoder().decode(stdout));
  return warnings.filter((warning: string) => warning.includes("price"));
}

Deno.test("check: what to set where nothing has a price, and where a backend offers a known model", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  const at = `at openai (${upstream.origin}/openai/v1)`;
  assertEquals(await check([], upstream), [
    `nothing has a price ${at}, so tokens with a budget cannot use it; if it costs nothing, ` +
    'set endpoints.openai.price_provider = "local" (OPENAI_PRICE_PROVIDER=local)',
  ]);
  assertEquals(await check(["--online"], upstream), [
    `gpt-4o-mini has no price ${at}; if openai bills it, ` +
    'set endpoints.openai.price_provider = "openai" (OPENAI_PRICE_PROVIDER=openai)',
  ]);
  for (const OPENAI_PRICE_PROVIDER of ["openai", "local"]) {
    assertEquals(await check(["--online"], upstream, { OPENAI_PRICE_PROVIDER }), []);
  }
});

Deno.test("check: an unknown name in OPENAI_PRICE_PROVIDER is a problem", async () => {
  const env = proxyEnv({ upstream: "http://127.0.0.1:1", env: { OPENAI_PRICE_PROVIDER: "opnai" } });
  const { code, stderr } = await proxyCommand(["check"], env).output();
  assertEquals(code, 2);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    'env OPENAI_PRICE_PROVIDER  "opnai" is not a provider with published prices; did you mean openai?',
  );
});

Deno.test("usage that contradicts itself is counted, named in the log at debug, and charged within its whole", async () => {
  const usage = '{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":120}}';
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer(`{"model":"gpt-4o-mini","usage":${usage}}`, JSON_TYPE));
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpoint(upstream)] });
  const { value } = await proxy.token();
  await ask(proxy, value, ["gpt-4o-mini"]);
  const [row] = (await proxy.api("GET", "/exchanges?limit=1")).body.data;
  assertEquals([row.input_tokens, row.cached_tokens], [100, 100]);
  assertMatch(await proxy.metrics(), /llm_proxy_usage_contradictions_total\{endpoint="openai"\} 1/);
  const said = proxy.planeLog.filter(({ event }) => event === "usage_contradictory");
  assertEquals(said.map(({ id, endpoint, detail }) => [id, endpoint, detail]), [
    [row.request_id, "openai", "gpt-4o-mini: more cachedTokens than inputTokens"],
  ]);
});
