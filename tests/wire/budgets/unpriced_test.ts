/** What has a price, what has none, and what is said about it. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
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

function endpoint(upstream: FakeUpstream, options: Partial<Endpoint> = {}): Endpoint {
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  return testEndpoint("openai", [testBackend(upstream.origin, { path: "/openai/v1", key })], options);
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

Deno.test("a budget rejects work of unknown cost only at an endpoint with prices", async () => {
  await using upstream = new FakeUpstream({ script: answers });
  const priced = { ...endpoint(upstream, { priceProvider: "openai" }), name: "priced" };
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpoint(upstream), priced] });
  const { value } = await proxy.token({ budget: { day_usd: 1 } });
  const body = { model: "not-a-model", messages: [] };
  assertEquals(await ask(proxy, value, [body.model]), [200]);
  const rejected = await proxy.chat(value, body, { path: "/priced/v1/chat/completions" });
  assertEquals([rejected.status, (await rejected.text()).includes("has no price at priced")], [403, true]);
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
    `nothing has a price ${at}, so no budget counts it; if it costs nothing, ` +
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
