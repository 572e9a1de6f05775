import { assertEquals, assertMatch } from "@std/assert";
import type { Endpoint, RoutingConfig } from "../../../src/config/config.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { modelScript } from "../../support/upstreams/model_upstream.ts";

const ROUTING: RoutingConfig = {
  byModel: true,
  routes: [],
  aliases: new Map([["fast", "groq/llama-3.3-70b-versatile"]]),
  refreshMs: 3_600_000,
  localRefreshMs: 3_600_000,
};

function endpointsAt(origin: string): Endpoint[] {
  const endpoint = (name: "openai" | "groq" | "mistral", options: Partial<Endpoint> = {}) =>
    testEndpoint(name, [
      testBackend(origin, { path: `/${name}/v1`, key: { mode: "inject", value: SECRETS.openaiKey } }),
    ], { preset: name, ...options });
  return [
    endpoint("openai", { priceProvider: "openai" }),
    endpoint("groq", { priceProvider: "groq" }),
    endpoint("mistral"),
  ];
}

async function withProxy(
  test: (parts: { proxy: ManagedProxy; upstream: FakeUpstream }) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({ script: modelScript() });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: endpointsAt(upstream.origin),
    routing: ROUTING,
  });
  await until(
    () => proxy.proxy.log.filter(({ event }) => event === "models_listed").length === 3,
    "the lists are read",
  );
  await test({ proxy, upstream });
}

/** What a token gets for a model: the status, and the target at the upstream or the code of the proxy. */
async function outcome(
  { proxy, upstream }: { proxy: ManagedProxy; upstream: FakeUpstream },
  token: string,
  model: string,
): Promise<string> {
  const before = upstream.requests.length;
  const response = await proxy.chat(token, { model, messages: [] }, { path: "/v1/chat/completions" });
  await response.text();
  const code = response.headers.get("x-llm-proxy-error");
  return `${response.status} ${code ?? upstream.requests[before]?.target}`;
}

Deno.test("by model: a token reaches only its endpoints", () =>
  withProxy(async (parts) => {
    const { value: one } = await parts.proxy.token({ allowed_endpoints: ["groq"] });
    assertEquals(await outcome(parts, one, "gpt-5.1"), "200 /groq/v1/chat/completions");
    assertEquals(await outcome(parts, one, "openai/gpt-5.1"), "200 /groq/v1/chat/completions");
    const { value: two } = await parts.proxy.token({ allowed_endpoints: ["groq", "mistral"] });
    assertEquals(await outcome(parts, two, "gpt-5.1"), "404 model_not_found");
    assertEquals(await outcome(parts, two, "mistral-large-latest"), "200 /mistral/v1/chat/completions");
  }));

Deno.test("by model: rules for models hold for the model that is sent, and may allow an alias by its name", () =>
  withProxy(async (parts) => {
    const { value: models } = await parts.proxy.token({ allowed_models: ["llama-*"] });
    assertEquals(await outcome(parts, models, "fast"), "200 /groq/v1/chat/completions");
    assertEquals(
      await outcome(parts, models, "groq/llama-3.3-70b-versatile"),
      "200 /groq/v1/chat/completions",
    );
    assertEquals(await outcome(parts, models, "groq/gpt-oss"), "403 forbidden");
    assertEquals(await outcome(parts, models, "gpt-5.1"), "403 forbidden");
    const { value: alias } = await parts.proxy.token({ allowed_models: ["fast"] });
    assertEquals(await outcome(parts, alias, "fast"), "200 /groq/v1/chat/completions");
    assertEquals(await outcome(parts, alias, "llama-3.3-70b-versatile"), "403 forbidden");
    const nested = '{"model":"fast","fallbacks":["gpt-5.1"],"messages":[]}';
    const { status, body } = await parts.proxy.chat(models, nested, { path: "/v1/chat/completions" });
    await body?.cancel();
    assertEquals(status, 403);
  }));

Deno.test("by model: a row has the alias as the model that was asked for; a body that was rejected has a row too", () =>
  withProxy(async (parts) => {
    const { proxy } = parts;
    const { value, id } = await proxy.token({ budget: { total_usd: 5 } });
    assertEquals(await outcome(parts, value, "fast"), "200 /groq/v1/chat/completions");
    const refused = await proxy.chat(value, '{"model":', { path: "/v1/chat/completions" });
    assertMatch(await refused.text(), /The proxy has to know the model in this body/);
    const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
    // deno-lint-ignore no-explicit-any -- the JSON of the API
    const rows = body.data.map((row: any) => [
      row.status,
      row.endpoint,
      row.model_asked,
      row.model_sent,
      row.model_answered,
    ]);
    assertEquals(rows, [
      [400, "openai", null, null, null],
      [200, "groq", "fast", "llama-3.3-70b-versatile", "llama-3.3-70b-versatile"],
    ]);
    const [, charged] = body.data;
    assertEquals(charged.cost_micros, 5);
  }));

Deno.test("by model: a token whose limit is reached gets a 429 before its body is read", () =>
  withProxy(async (parts) => {
    const { value } = await parts.proxy.token({ limits: { requests_per_minute: 1 } });
    assertEquals(await outcome(parts, value, "fast"), "200 /groq/v1/chat/completions");
    const second = await parts.proxy.chat(value, "not JSON", { path: "/v1/chat/completions" });
    await second.body?.cancel();
    assertEquals([second.status, second.headers.get("x-llm-proxy-error")], [429, "rate_limited"]);
  }));

Deno.test("models: the list of a token has its endpoints and models, with context windows and prices", () =>
  withProxy(async ({ proxy }) => {
    const listed = async (limits: Record<string, unknown>): Promise<string[]> => {
      const { value } = await proxy.token(limits);
      const response = await fetch(`${proxy.url}/v1/models`, {
        headers: { authorization: `Bearer ${value}` },
      });
      const { data } = await response.json();
      return data.map(({ id }: { id: string }) => id);
    };
    assertEquals(await listed({}), [
      "demo-small",
      "claude-demo",
      "groq/demo-small",
      "groq/claude-demo",
      "mistral/demo-small",
      "mistral/claude-demo",
      "fast",
    ]);
    assertEquals(await listed({ allowed_endpoints: ["mistral"] }), ["demo-small", "claude-demo"]);
    assertEquals(await listed({ allowed_models: ["claude-*", "groq/demo-small", "fast"] }), [
      "claude-demo",
      "groq/demo-small",
      "groq/claude-demo",
      "mistral/claude-demo",
      "fast",
    ]);
    const { value } = await proxy.token({ allowed_paths: ["/v1/chat/completions"] });
    const closed = await fetch(`${proxy.url}/v1/models`, { headers: { authorization: `Bearer ${value}` } });
    await closed.body?.cancel();
    assertEquals(closed.status, 403);
    const one = await fetch(`${proxy.url}/v1/models/fast`, {
      headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
    });
    const { usd_per_million_tokens, ...rest } = await one.json();
    assertEquals(rest, {
      id: "fast",
      object: "model",
      created: 0,
      owned_by: "groq",
      endpoint: "groq",
      dialects: ["openai"],
      alias_of: "groq/llama-3.3-70b-versatile",
    });
    assertEquals(usd_per_million_tokens.input > 0, true);
    const store = await proxy.otherStore();
    assertMatch(await store.readNote("models of groq") ?? "", /"demo-small"/);
    await store.close();
  }));

Deno.test("filter_models: the list of an endpoint has only the models of the token, in the form of the provider", async () => {
  await using upstream = new FakeUpstream({ script: modelScript() });
  const [openai] = endpointsAt(upstream.origin);
  if (openai === undefined) throw new TypeError("no endpoint");
  const filtered = { ...openai, filterModels: true };
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [filtered] });
  const { value } = await proxy.token({ allowed_models: ["claude-*"] });
  const listed = async (token: string): Promise<Response> =>
    await fetch(`${proxy.url}/openai/v1/models`, { headers: { authorization: `Bearer ${token}` } });
  const some = await listed(value);
  assertEquals(some.headers.get("content-type"), "application/json");
  const { data, ...rest } = await some.json();
  assertEquals(data, [{
    id: "claude-demo",
    object: "model",
    type: "model",
    display_name: "claude-demo",
    created: 1,
    created_at: "2026-01-01T00:00:00Z",
    owned_by: "demo",
  }]);
  assertEquals(rest, { object: "list", has_more: false, first_id: "claude-demo", last_id: "claude-demo" });
  assertEquals(upstream.requests[0]?.header("accept-encoding"), "identity");
  const all = await listed(SECRETS.proxyToken);
  assertEquals((await all.json()).data.length, 2);
});

Deno.test("by model: a row has the model that an override sent, where it differs from the one that was asked for", async () => {
  await using upstream = new FakeUpstream({ script: modelScript() });
  const model = { byName: new Map([["small", "demo-small"]]), otherwise: undefined };
  const backend = testBackend(upstream.origin, {
    path: "/gemini",
    key: { mode: "inject", value: SECRETS.openaiKey },
    model,
  });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("openai", [backend], { priceProvider: "openai" })],
  });
  const { value, id } = await proxy.token({});
  for (const name of ["small", "demo-small"]) {
    await (await proxy.chat(value, { model: name, messages: [] })).body?.cancel();
  }
  await (await fetch(`${proxy.url}/openai/openai/deployments/small/embeddings?api-version=1`, {
    method: "POST",
    headers: { authorization: `Bearer ${value}`, "content-type": "application/json" },
    body: '{"input":"x"}',
  })).body?.cancel();
  const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
  // deno-lint-ignore no-explicit-any -- the JSON of the API
  assertEquals(body.data.map((row: any) => [row.model_asked, row.model_sent]), [
    ["small", "demo-small"],
    ["demo-small", null],
    ["small", "demo-small"],
  ]);
});

Deno.test("models: a list of several endpoints counts as a request of its token, also for its rate limits", () =>
  withProxy(async ({ proxy }) => {
    const { value, id } = await proxy.token({
      limits: { requests_per_minute: 2 },
      budget: { total_usd: 0.000001 },
    });
    const headers = { authorization: `Bearer ${value}` };
    const status = async (path: string): Promise<string> => {
      const response = await fetch(proxy.url + path, { headers });
      await response.body?.cancel();
      return `${response.status} ${response.headers.get("x-llm-proxy-error")}`;
    };
    assertEquals(await status("/v1/models/unheard"), "404 model_not_found");
    assertEquals(await status("/v1/models"), "200 null");
    assertEquals(await status("/v1/models/fast"), "200 null");
    assertEquals(await status("/v1/models"), "429 rate_limited");
    const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
    interface Row {
      readonly status: number;
      readonly path: string;
      readonly endpoint: string | null;
      readonly cost_micros: number | null;
      readonly bytes: number;
    }
    const rows: Row[] = body.data;
    assertEquals(
      rows.map((row) => [row.status, row.path, row.endpoint, row.cost_micros, row.bytes > 100]),
      [
        [429, "/v1/models", "openai", null, false],
        [200, "/v1/models/fast", null, null, true],
        [200, "/v1/models", null, null, true],
        [404, "/v1/models/unheard", "openai", null, false],
      ],
    );
  }));
