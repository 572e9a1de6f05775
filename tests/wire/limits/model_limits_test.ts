/** Limits of models and periods of budgets in the proxy as it is put together, by its API. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ManagementConfig } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { SetClock } from "../../support/time/set_clock.ts";

/** Each answer costs 2 dollars. */
const ANSWER = JSON.stringify({ model: "gpt-5", usage: { prompt_tokens: 1000, completion_tokens: 1000 } });
const HOUR = 3_600_000;

function answering(): FakeUpstream {
  return new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer(ANSWER, { headers: "Content-Type: application/json\r\n" }));
    },
  });
}

function optionsOf(upstream: FakeUpstream, more: ManagedOptions = {}): ManagedOptions {
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  const prices = [{ matches: () => true, input: 1000, output: 1000 }];
  return { endpoints: [testEndpoint("openai", [backend], { prices })], ...more };
}

async function ask(
  proxy: ManagedProxy,
  token: string,
  body: unknown = { model: "gpt-5", max_tokens: 1, messages: [] },
  path = "/openai/v1/chat/completions",
): Promise<{ status: number; message: string; headers: Headers }> {
  const answer = await proxy.chat(token, body, { path });
  const { error } = JSON.parse(await answer.text());
  return { status: answer.status, message: error?.message ?? "", headers: answer.headers };
}

Deno.test("limits of models: given by the API, they hold for requests that name these models anywhere", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, optionsOf(upstream));
  const model_limits = [
    { model: "gpt-5*", requests_per_minute: 2, budget: { day_usd: 100, week_usd: 200 } },
    { model: "o3", concurrent_requests: 4 },
  ];
  const { value, id } = await proxy.token({ model_limits });
  assertEquals((await ask(proxy, value)).status, 200);
  assertEquals(
    (await ask(proxy, value, { model: "o3", fallbacks: ["gpt-5-mini"], messages: [] })).status,
    200,
  );
  const refused = await ask(proxy, value);
  assertEquals([refused.status, refused.message], [
    429,
    "This token may make 2 requests per minute for models gpt-5*.",
  ]);
  const header = (name: string) => refused.headers.get(name);
  assertEquals([header("x-ratelimit-limit-requests"), header("x-ratelimit-remaining-requests")], ["2", "0"]);
  assertMatch(header("x-ratelimit-reset-requests") ?? "", /^\d+s$/);
  assertEquals((await ask(proxy, value, { model: "o3", messages: [] })).status, 200);
  const { body } = await proxy.api("GET", `/tokens/${id}`);
  const none = { requests_per_minute: null, tokens_per_minute: null, concurrent_requests: null };
  const spent = (micros: number) => ({
    day_micros: micros,
    week_micros: micros,
    month_micros: micros,
    total_micros: micros,
  });
  assertEquals(body.spent, spent(6_000_000));
  assertEquals(body.model_limits, [{
    model: "gpt-5*",
    ...none,
    requests_per_minute: 2,
    budget: { day_usd: 100, week_usd: 200, month_usd: null, total_usd: null },
    spent: spent(4_000_000),
  }, {
    model: "o3",
    ...none,
    concurrent_requests: 4,
    budget: { day_usd: null, week_usd: null, month_usd: null, total_usd: null },
    spent: spent(4_000_000),
  }]);
  const kept = await proxy.api("PATCH", `/tokens/${id}`, { limits: { requests_per_minute: 100 } });
  assertEquals(kept.body.model_limits.length, 2, "what is left out stays");
  await proxy.api("PATCH", `/tokens/${id}`, { model_limits: null });
  assertEquals((await ask(proxy, value)).status, 200);
});

Deno.test("limits of models: a budget for models holds after a restart too, and closes what has no known cost", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = answering();
  const options = optionsOf(upstream, { management: { databaseUrl: `sqlite:${folder}/kept.db` } });
  let token: { value: string; id: string };
  const told: unknown[] = [];
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    const project = { model_limits: [{ model: "*", budget: { total_usd: 5 } }] };
    token = await proxy.token({ model_limits: [{ model: "gpt-5", budget: { month_usd: 2 } }] }, project);
    assertEquals((await ask(proxy, token.value)).status, 200);
    told.push((await proxy.api("GET", `/tokens/${token.id}`)).body.model_limits);
  }
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    const refused = await ask(proxy, token.value);
    assertEquals([refused.status, refused.message], [
      429,
      "This token has spent its budget of $2.00 per month for models gpt-5.",
    ]);
    told.push((await proxy.api("GET", `/tokens/${token.id}`)).body.model_limits);
    const other = { model: "o3", max_tokens: 1, messages: [] };
    assertEquals((await ask(proxy, token.value, other)).status, 200);
    assertEquals((await ask(proxy, token.value, other)).status, 200, "4 of 5 dollars were spent");
    assertEquals((await ask(proxy, token.value, other)).message.startsWith("This project has spent"), true);
    const batch = await ask(proxy, token.value, { model: "o3" }, "/openai/v1/batches");
    assertEquals(batch.status, 403);
    assertMatch(batch.message, /^This token has a budget, and the cost of this path is unknown/);
  }
  assertEquals(told[1], told[0]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("limits of models: a request that names no model is refused, what costs nothing is not", async () => {
  await using upstream = answering();
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  const endpoints = [testEndpoint("openai", [backend], { priceProvider: "openai" })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({ model_limits: [{ model: "gpt-5", requests_per_minute: 1 }] });
  const nameless = await ask(proxy, value, { prompt: { id: "pmpt_1" } }, "/openai/v1/responses");
  assertEquals([nameless.status, nameless.message], [
    403,
    "This token has limits for certain models, and the request names no model.",
  ]);
  const thread = await ask(proxy, value, { messages: [] }, "/openai/v1/conversations");
  assertEquals(thread.status, 200);
  const strict = await ask(proxy, value, '{"model":"o3","model":"gpt-5"}');
  assertEquals(strict.status, 400, "what names two models could be read as either");
});

Deno.test("limits of models: the API says what is wrong with them", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, optionsOf(upstream));
  const wrong: readonly (readonly [unknown, string])[] = [
    [[{ model: "a" }], "#/model_limits/0"],
    [[{ model: "a", budget: {} }], "#/model_limits/0"],
    [[{ requests_per_minute: 1 }], "#/model_limits/0/model"],
    [[{ model: "", requests_per_minute: 1 }], "#/model_limits/0/model"],
    [[{ model: "a", requests_per_minute: 1 }, { model: "a", tokens_per_minute: 1 }], "#/model_limits"],
    [[{ model: "a", budget: { year_usd: 1 } }], "#/model_limits/0/budget/year_usd"],
  ];
  for (const [model_limits, pointer] of wrong) {
    const { status, body } = await proxy.api("POST", "/projects", { name: "x", model_limits });
    assertEquals([status, body.errors?.[0]?.pointer], [400, pointer], JSON.stringify(model_limits));
  }
});

Deno.test("limits of models: those of a token of the configuration", async () => {
  await using upstream = answering();
  const tokens = [{
    name: "anna",
    token: SECRETS.proxyToken,
    rules: { modelLimits: [{ model: "gpt-5", weekBudgetMicros: 2_000_000 }] },
  }];
  await using proxy = await ManagedProxy.start(upstream, optionsOf(upstream, { tokens }));
  assertEquals((await ask(proxy, SECRETS.proxyToken)).status, 200);
  assertEquals(
    (await ask(proxy, SECRETS.proxyToken)).message.startsWith("This token has spent its budget"),
    true,
  );
});

Deno.test("budgets: a machine that starts in 1970 counts what it spends as of the jump, also after a restart", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = answering();
  const clock = new SetClock(60_000);
  const management: Partial<ManagementConfig> = {
    databaseUrl: `sqlite:${folder}/kept.db`,
    budgetPeriods: { timeZone: "Europe/Berlin", window: "calendar" },
  };
  const options = optionsOf(upstream, { clock, management });
  const spent = async (proxy: ManagedProxy, id: string) => {
    const { day_micros, month_micros } = (await proxy.api("GET", `/tokens/${id}`)).body.spent;
    return [day_micros / 1e6, month_micros / 1e6];
  };
  let token: { value: string; id: string };
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    token = await proxy.token({ budget: { day_usd: 3 } });
    assertEquals((await ask(proxy, token.value)).status, 200);
    assertEquals(await spent(proxy, token.id), [2, 2]);
    assertEquals(proxy.planeLog.map(({ event }) => event).filter((event) => event.startsWith("clock")), [
      "clock_wrong",
    ]);
  }
  {
    // It starts in 1970 once more, and then the time comes.
    clock.show(120_000);
    await using proxy = await ManagedProxy.start(upstream, options);
    assertEquals(await spent(proxy, token.id), [2, 2]);
    // Half past ten in the evening in Berlin.
    clock.show(Date.UTC(2026, 10, 29, 21, 30));
    assertEquals(await spent(proxy, token.id), [2, 2]);
    assertEquals((await ask(proxy, token.value)).status, 200);
    assertEquals((await ask(proxy, token.value)).status, 429);
    assertEquals(proxy.planeLog.map(({ event }) => event).filter((event) => event.startsWith("clock")), [
      "clock_wrong",
      "clock_right",
    ]);
  }
  {
    clock.show(Date.UTC(2026, 10, 29, 22, 59));
    await using proxy = await ManagedProxy.start(upstream, options);
    assertEquals(await spent(proxy, token.id), [4, 4]);
    clock.show(Date.UTC(2026, 10, 29, 23, 1));
    assertEquals(await spent(proxy, token.id), [0, 4]);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("budgets: a clock that is set back by a day is logged, and a restart counts the same", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = answering();
  const clock = new SetClock(Date.UTC(2026, 10, 29, 12));
  const management = { databaseUrl: `sqlite:${folder}/kept.db` };
  const options = optionsOf(upstream, { clock, management });
  let token: { value: string; id: string };
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    token = await proxy.token({ budget: { day_usd: 3 } });
    await ask(proxy, token.value);
    await ask(proxy, token.value);
    clock.show(Date.UTC(2026, 10, 28, 12));
    assertEquals((await ask(proxy, token.value)).status, 429);
    const line = proxy.planeLog.find(({ event }) => event === "clock_set_back");
    assertMatch(String(line?.["detail"]), /^by 1440 minutes; /);
  }
  {
    clock.show(Date.UTC(2026, 10, 28, 12) + HOUR);
    await using proxy = await ManagedProxy.start(upstream, options);
    assertEquals((await ask(proxy, token.value)).status, 429);
    clock.show(Date.UTC(2026, 10, 29, 12));
    assertEquals((await ask(proxy, token.value)).status, 200, "the next day has its own budget");
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("limits of models: a model in the query or a header names none, and batches are rejected", async () => {
  await using upstream = answering();
  await using proxy = await ManagedProxy.start(upstream, optionsOf(upstream));
  const { value } = await proxy.token({ model_limits: [{ model: "gpt-5*", requests_per_minute: 1 }] });
  const asking = async (path: string, init: RequestInit): Promise<number> => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${value}`);
    const response = await fetch(`${proxy.url}${path}`, { method: "POST", ...init, headers });
    await response.body?.cancel();
    return response.status;
  };
  const json = { "content-type": "application/json" };
  const body = '{"prompt":{"id":"pmpt_1"}}';
  assertEquals(await asking("/openai/v1/responses?model=x", { body, headers: json }), 403);
  assertEquals(await asking("/openai/v1/responses", { body, headers: { ...json, "x-model": "z" } }), 403);
  // A batch names its models in a file that was uploaded before.
  const batch = '{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}';
  assertEquals(await asking("/openai/v1/batches?model=x", { body: batch, headers: json }), 403);
  assertEquals(await asking("/openai/v1/batches", { body: batch, headers: json }), 403);
});
