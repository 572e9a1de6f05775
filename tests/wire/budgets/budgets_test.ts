/**
 * Budgets: what is kept from others while a request runs, and what it counts with when its answer does not
 * say.
 */

import { assertEquals, assertGreater } from "@std/assert";
import type { Backend, Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { chunk, FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };
const EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;

function priced(upstream: FakeUpstream, backend: Partial<Backend> = {}): Endpoint {
  const at = testBackend(upstream.origin, { path: "/openai/v1", key: KEY, ...backend });
  return testEndpoint("openai", [at], { priceProvider: "openai" });
}

async function statusOf(asking: Promise<Response>): Promise<number> {
  const { status, body } = await asking;
  await body?.cancel();
  return status;
}

async function lastRow(proxy: ManagedProxy): Promise<Json> {
  return (await proxy.api("GET", "/exchanges?limit=1")).body.data[0];
}

/** Asks as often at once; all answers come when each request has been refused or has reached the upstream. */
async function atOnce(
  count: number,
  body: unknown,
  { budget, endpointOf }: { budget: number; endpointOf: (upstream: FakeUpstream) => Endpoint },
): Promise<number> {
  let known = 0;
  const all = Promise.withResolvers<void>();
  const isKnown = () => {
    if (++known === count) all.resolve();
  };
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      isKnown();
      await all.promise;
      await write(plainAnswer("{}", JSON_TYPE));
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [endpointOf(upstream)] });
  const { value } = await proxy.token({ budget: { total_usd: budget } });
  const statuses = await Promise.all(Array.from({ length: count }, async () => {
    const status = await statusOf(proxy.chat(value, body));
    if (status !== 200) isKnown();
    return status;
  }));
  return statuses.filter((status) => status === 200).length;
}

const DEAR = { byName: new Map([["fast", "gpt-4.1"]]), otherwise: undefined };
const DEAREST: Readonly<Record<string, [model: string, (upstream: FakeUpstream) => Endpoint]>> = {
  "another name for a dear model": ["fast", (upstream) => priced(upstream, { model: DEAR })],
  "a dear model in place of a cheap one": [
    "gpt-4.1-nano",
    (upstream) => priced(upstream, { model: { byName: new Map(), otherwise: "gpt-4.1" } }),
  ],
  "a dear backend behind a cheap one": ["fast", (upstream) => {
    const cloud = testBackend(upstream.origin, { name: "cloud", key: KEY, model: DEAR });
    const cheap = { byName: new Map([["fast", "gpt-4.1-nano"]]), otherwise: undefined };
    const desk = testBackend("http://127.0.0.1:1", { name: "desk", key: KEY, model: cheap });
    return testEndpoint("openai", [desk, cloud], { priceProvider: "openai" });
  }],
};
for (const [name, [model, endpointOf]] of Object.entries(DEAREST)) {
  Deno.test(`budgets: the dearest that may be asked is reserved: ${name}`, async () => {
    // 8,000 tokens at $8 a million are 6.4 cents.
    const body = { model, max_tokens: 8_000, messages: [] };
    assertEquals(await atOnce(10, body, { budget: 0.1, endpointOf }), 2);
  });
}

Deno.test("budgets: also the dearest of the fallbacks that a request names is reserved", async () => {
  const body = { model: "gpt-4.1-nano", models: ["gpt-4.1"], max_tokens: 8_000, messages: [] };
  assertEquals(await atOnce(10, body, { budget: 0.1, endpointOf: (upstream) => priced(upstream) }), 2);
});

Deno.test("budgets: the input is reserved too, so that parallel requests cannot spend a budget by asking", async () => {
  // 50,000 words are at least 45,000 tokens, which cost 9 cents at $2 a million.
  const body = {
    model: "gpt-4.1",
    max_tokens: 1,
    messages: [{ role: "user", content: "word ".repeat(50_000) }],
  };
  assertEquals(await atOnce(10, body, { budget: 0.15, endpointOf: (upstream) => priced(upstream) }), 2);
});

const STREAM = {
  model: "gpt-4.1",
  stream: true,
  max_tokens: 2,
  messages: [{ role: "user", content: "word ".repeat(80_000) }],
};
const TEXT = 'data: {"model":"gpt-4.1","choices":[{"delta":{"content":"42"},"finish_reason":null}]}\n\n';
const STOP = 'data: {"model":"gpt-4.1","choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
for (const [name, events] of [["the first text", TEXT], ["the stop reason", TEXT + STOP]] as const) {
  Deno.test(`budgets: a client that leaves with ${name} pays for its input, which nobody has told`, async () => {
    await using upstream = new FakeUpstream({
      script: async ({ body, write, peerClosed }) => {
        for await (const _ of body()) { /* all of it */ }
        await write(EVENTS + chunk(events));
        await peerClosed();
      },
    });
    await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
    const { value, id } = await proxy.token({ budget: { total_usd: 0.1 } });
    const response = await proxy.chat(value, STREAM);
    const reader = response.body?.getReader();
    for (let read = 0; read < events.length;) read += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    await proxy.proxy.logged("exchange");
    // 80,000 words are nearly as many tokens, at $2 a million.
    const row = await lastRow(proxy);
    assertEquals(row.usage_source, "estimated");
    assertGreater(row.input_tokens, 70_000);
    assertGreater(row.cost_micros, 140_000);
    const { spent } = (await proxy.api("GET", `/tokens/${id}`)).body;
    assertEquals(spent.total_micros, row.cost_micros);
    assertEquals(await statusOf(proxy.chat(value, STREAM)), 429);
  });
}

Deno.test("budgets: input beyond what the model takes is not estimated, and what is told is what counts", async () => {
  let answer = plainAnswer(TEXT + STOP, { headers: "Content-Type: text/event-stream\r\n" });
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(answer);
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
  const { value } = await proxy.token({ budget: { total_usd: 100 } });
  const long = JSON.stringify({ ...STREAM, model: "gpt-4o", messages: ["x".repeat(2_000_000)] });
  const ask = async () => {
    await (await proxy.chat(value, long)).text();
    return await lastRow(proxy);
  };
  const untold = await ask();
  // gpt-4o takes 128,000 tokens; the answer says that it was gpt-4.1, which takes a million.
  assertEquals([untold.usage_source, untold.model_answered], ["estimated", "gpt-4.1"]);
  assertEquals(untold.cost_micros, Math.ceil(long.length / 4) * 2 + untold.output_tokens * 8);
  answer = plainAnswer(TEXT.replaceAll("gpt-4.1", "gpt-4o"), {
    headers: "Content-Type: text/event-stream\r\n",
  });
  const capped = await ask();
  assertEquals(capped.cost_micros, 128_000 * 2.5 + capped.output_tokens * 10);
  // "42" is a token, and the model may have written others unseen.
  assertEquals([1, 2, 3, 4].includes(capped.output_tokens), true);
  answer = plainAnswer('{"model":"gpt-4.1","usage":{"prompt_tokens":7,"completion_tokens":1}}', JSON_TYPE);
  const told = await ask();
  assertEquals([told.usage_source, told.cost_micros, told.input_tokens], ["provider", 7 * 2 + 8, 7]);
});

Deno.test("budgets: what is spent by estimates is spent after a restart too", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer('{"model":"gpt-4.1"}', JSON_TYPE));
    },
  });
  const options = {
    endpoints: [priced(upstream)],
    management: { databaseUrl: `sqlite:${folder}/kept.db` },
  };
  const told: Json[] = [];
  let token: { value: string; id: string };
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    token = await proxy.token({ budget: { total_usd: 0.2 } });
    const ask = async () => {
      const answer = await proxy.chat(token.value, { model: "gpt-4.1", messages: [] });
      await answer.text();
      return answer.status;
    };
    // 32,768 tokens at $8 a million are 26 cents.
    assertEquals([await ask(), await ask()], [200, 429]);
    told.push((await proxy.api("GET", `/tokens/${token.id}`)).body.spent);
  }
  {
    await using proxy = await ManagedProxy.start(upstream, options);
    told.push((await proxy.api("GET", `/tokens/${token.id}`)).body.spent);
    assertEquals(await statusOf(proxy.chat(token.value, { model: "gpt-4.1", messages: [] })), 429);
  }
  assertGreater(told[0].total_micros, 262_144);
  assertEquals(told[1], told[0]);
  await Deno.remove(folder, { recursive: true });
});

const UNTOLD: Readonly<Record<string, unknown>> = {
  "/v1/threads/runs": { assistant_id: "asst_1", thread: {} },
  "/v1/threads/thread_1/runs": { assistant_id: "asst_1" },
  "/v1/evals/eval_1/runs": { data_source: { type: "completions", model: "gpt-4.1" } },
  "/v1/fine_tuning/jobs/ftjob-1/resume": {},
  "/v1/videos": { model: "sora-2-pro", prompt: "x" },
  "/v1/responses": { background: true, prompt: { id: "pmpt_1" } },
};
Deno.test("budgets: work whose cost cannot be known is refused, except at servers that cost nothing", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer('{"id":"run_1","status":"queued","usage":null}', JSON_TYPE));
    },
  });
  const backends = [testBackend(upstream.origin, { key: KEY })];
  const local = testEndpoint("local", backends, { priceProvider: "local" });
  const unknown = testEndpoint("unknown", backends);
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream), local, unknown] });
  const { value } = await proxy.token({ budget: { total_usd: 0.01 } });
  const other = await proxy.token();
  for (const [path, body] of Object.entries(UNTOLD)) {
    const ask = (token: string, endpoint: string) =>
      statusOf(proxy.chat(token, body, { path: `/${endpoint}${path}` }));
    const statuses = [
      await ask(value, "openai"),
      await ask(value, "unknown"),
      await ask(value, "local"),
      await ask(other.value, "openai"),
    ];
    assertEquals(statuses, [403, 403, 200, 200], path);
  }
});

Deno.test("budgets: what costs nothing is neither reserved nor estimated, whatever its length and model", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer('{"input_tokens":5}', JSON_TYPE));
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
  const { value, id } = await proxy.token({ budget: { total_usd: 0.01 } });
  const body = { model: "gpt-4.1", messages: ["x".repeat(500_000)] };
  for (const path of ["/v1/messages/count_tokens", "/v1/responses/input_tokens", "/v1/conversations"]) {
    assertEquals(await statusOf(proxy.chat(value, body, { path: `/openai${path}` })), 200);
  }
  assertEquals((await proxy.api("GET", `/tokens/${id}`)).body.spent.total_micros, 0);
});

Deno.test("budgets: a response that a client leaves after a word costs what may have been written by then", async () => {
  const created = { id: "resp_1", status: "in_progress", model: "gpt-4.1", usage: null };
  const events = `data: ${JSON.stringify({ type: "response.created", response: created })}\n\n` +
    'data: {"type":"response.output_text.delta","delta":"four"}\n\n';
  await using upstream = new FakeUpstream({
    script: async ({ body, write, peerClosed }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(EVENTS + chunk(events));
      await peerClosed();
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
  const { value, id } = await proxy.token({ budget: { total_usd: 5 } });
  const asked = { model: "gpt-4.1", stream: true, input: "x" };
  const response = await proxy.chat(value, asked, { path: "/openai/v1/responses" });
  const reader = response.body?.getReader();
  for (let read = 0; read < events.length;) read += (await reader?.read())?.value?.length ?? 0;
  await reader?.cancel();
  await proxy.proxy.logged("exchange");
  const row = await lastRow(proxy);
  assertEquals([row.stop_reason, row.model_answered, row.usage_source], [null, "gpt-4.1", "estimated"]);
  const { spent } = (await proxy.api("GET", `/tokens/${id}`)).body;
  assertEquals(spent.total_micros, row.cost_micros);
  // "four" is a token; what was written unseen before it is estimated by the time. All that was reserved are
  // 26 cents.
  assertGreater(row.cost_micros, 8);
  assertGreater(8 + 8 * 0.2 * row.duration_ms + 100, row.cost_micros);
});

for (const isTold of [false, true]) {
  const what = isTold
    ? "is reserved until it is over, for it is written to its end"
    : "costs all that was reserved where its id never came";
  Deno.test(`budgets: a background response that a client leaves ${what}`, async () => {
    const created = { id: "resp_1", status: "queued", model: "gpt-4.1", usage: null };
    const first = isTold
      ? `data: ${JSON.stringify({ type: "response.created", response: created })}\n\n`
      : ": hello\n\n";
    await using upstream = new FakeUpstream({
      script: async ({ body, write, peerClosed }) => {
        for await (const _ of body()) { /* all of it */ }
        await write(EVENTS + chunk(first));
        await peerClosed();
      },
    });
    await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
    const { value, id } = await proxy.token({ budget: { total_usd: 0.08 } });
    const asked = { model: "gpt-4.1", stream: true, background: true, max_output_tokens: 10_000, input: "x" };
    const response = await proxy.chat(value, asked, { path: "/openai/v1/responses" });
    const reader = response.body?.getReader();
    for (let read = 0; read < first.length;) read += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    await proxy.proxy.logged("exchange");
    const { spent } = (await proxy.api("GET", `/tokens/${id}`)).body;
    if (isTold) assertEquals(spent.total_micros, 0);
    else assertGreater(spent.total_micros, 10_000 * 8 - 1);
    assertEquals(await statusOf(proxy.chat(value, asked, { path: "/openai/v1/responses" })), 429);
  });
}

for (
  const [asked, told, factor] of [
    [{ service_tier: "priority" }, { service_tier: "priority" }, 2],
    [{ service_tier: "priority" }, {}, 2],
    [{ service_tier: "priority" }, { service_tier: "default" }, 1],
    [{ service_tier: "flex" }, { service_tier: "flex" }, 0.5],
    [{ service_tier: "auto" }, { service_tier: "priority" }, 2],
    [{ speed: "fast" }, { usage: { input_tokens: 1_000, output_tokens: 100, speed: "fast" } }, 6],
  ] as const
) {
  const name = `${JSON.stringify(asked)}, answered ${JSON.stringify(told)}`;
  Deno.test(`costs: a faster tier is a multiple of the standard price: ${name}`, async () => {
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        const usage = { prompt_tokens: 1_000, completion_tokens: 100 };
        await write(plainAnswer(JSON.stringify({ model: "gpt-4.1", usage, ...told }), JSON_TYPE));
      },
    });
    await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced(upstream)] });
    const limited = await proxy.token({ budget: { total_usd: 1 } });
    const free = await proxy.token();
    for (const { value } of [limited, free]) {
      await statusOf(proxy.chat(value, { model: "gpt-4.1", max_tokens: 100, ...asked }));
      const row = await lastRow(proxy);
      assertEquals([row.cost_micros, row.usage_source], [
        factor * (1_000 * 2 + 100 * 8),
        factor <= 1 ? "provider" : "estimated",
      ]);
    }
  });
}

Deno.test("budgets: what a faster tier costs is reserved", async () => {
  const body = { model: "gpt-4.1", max_tokens: 4_000, messages: [], service_tier: "priority" };
  assertEquals(await atOnce(10, body, { budget: 0.1, endpointOf: (upstream) => priced(upstream) }), 2);
});

for (const [reserve, admitted] of [["expected", 4], ["maximum", 1]] as const) {
  Deno.test(`budgets: reserve = "${reserve}" lets ${admitted} of 10 run at once that state far more than they use`, async () => {
    // Called for each request that the upstream or its client knows the fate of.
    let isKnown = () => {};
    let held = Promise.resolve();
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        isKnown();
        await held;
        const usage = { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 };
        await write(plainAnswer(JSON.stringify({ model: "gpt-4.1", usage }), JSON_TYPE));
      },
    });
    const endpoints = [{ ...priced(upstream), reserve }];
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    // 32,000 tokens at $8 a million are 25.6 cents.
    const body = { model: "gpt-4.1", max_tokens: 32_000, messages: [] };
    const learning = await proxy.token();
    for (let round = 0; round < 20; round++) await statusOf(proxy.chat(learning.value, body));
    const { value } = await proxy.token({ budget: { total_usd: 0.25 } });
    const all = Promise.withResolvers<void>();
    held = all.promise;
    let known = 0;
    isKnown = () => {
      if (++known === 10) all.resolve();
    };
    const asking = Array.from({ length: 10 }, async () => {
      const status = await statusOf(proxy.chat(value, body));
      if (status !== 200) isKnown();
      return status;
    });
    const statuses = await Promise.all(asking);
    assertEquals(statuses.filter((status) => status === 200).length, admitted);
  });
}

for (const [countCacheReads, second] of [[false, 200], [true, 429]] as const) {
  Deno.test(`limits: count_cache_reads = ${countCacheReads}: input that was read from a cache`, async () => {
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        const usage = {
          prompt_tokens: 9_000,
          completion_tokens: 10,
          total_tokens: 9_010,
          prompt_tokens_details: { cached_tokens: 8_900 },
        };
        await write(plainAnswer(JSON.stringify({ model: "gpt-4.1", usage }), JSON_TYPE));
      },
    });
    const endpoints = [{ ...priced(upstream), countCacheReads }];
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    const { value } = await proxy.token({ limits: { tokens_per_minute: 1_000 } });
    const body = { model: "gpt-4.1", max_tokens: 20, messages: [] };
    assertEquals([await statusOf(proxy.chat(value, body)), await statusOf(proxy.chat(value, body))], [
      200,
      second,
    ]);
  });
}

Deno.test("budgets: a backend that does not answer in time has cost its input and its time, beside the one that answers", async () => {
  const silent = Promise.withResolvers<void>();
  await using slow = new FakeUpstream({
    script: async ({ body, peerClosed }) => {
      for await (const _ of body()) { /* all of it */ }
      await peerClosed();
      silent.resolve();
    },
  });
  await using quick = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(
        plainAnswer('{"model":"gpt-4.1","usage":{"prompt_tokens":7,"completion_tokens":1}}', JSON_TYPE),
      );
    },
  });
  const backends = [slow, quick].map(({ origin }, index) => {
    const backend = testBackend(origin, { name: `b${index}`, path: "/openai/v1", key: KEY });
    if (index === 1) return backend;
    return { ...backend, timeouts: { ...backend.timeouts, firstByteMs: 50 } };
  });
  const endpoints = [testEndpoint("openai", backends, { priceProvider: "openai" })];
  await using proxy = await ManagedProxy.start(quick, { endpoints });
  const { value, id } = await proxy.token({ budget: { total_usd: 100 } });
  const body = {
    model: "gpt-4.1",
    max_tokens: 3,
    messages: [{ role: "user", content: "word ".repeat(1_000) }],
  };
  assertEquals(await statusOf(proxy.chat(value, body)), 200);
  await silent.promise;
  const row = await lastRow(proxy);
  const [first, second] = row.attempt_log;
  assertGreater(first.estimated.input_tokens, 800);
  assertEquals(first.estimated.output_tokens, 3, "no more than it may have");
  assertEquals(second.estimated, null);
  assertEquals(row.usage_source, "estimated");
  assertEquals([row.input_tokens, row.output_tokens], [first.estimated.input_tokens + 7, 3 + 1]);
  assertEquals(row.cost_micros, first.estimated.cost_micros + 7 * 2 + 8);
  const { spent } = (await proxy.api("GET", `/tokens/${id}`)).body;
  assertEquals(spent.total_micros, row.cost_micros);
});
