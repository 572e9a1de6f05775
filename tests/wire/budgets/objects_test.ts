/**
 * Objects that can be looked at again are counted once, for their makers: over kills, rotations and replicas.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Management } from "../../bench/soak/management.ts";
import { ask, makeToken, ObjectProxies, spentBy, usageOf } from "../../support/proxies/object_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ObjectUpstream } from "../../support/upstreams/object_upstream.ts";
import type { ProxyProcess } from "../../support/processes/proxy_process.ts";

/** Under a budget of a dollar it reserves 50,000 micro-dollars of output, and a few of input. */
const BACKGROUND = { model: "bill-1", input: "x", background: true, max_output_tokens: 5_000 };
/** What a response costs that used 1,000 tokens of input and 200 of output. */
const COST = 1_000 * 2 + 200 * 10;
const POLLS = 100;

async function make(
  proxy: ProxyProcess,
  token: { value: string },
  body: unknown = BACKGROUND,
): Promise<string> {
  const { status, text } = await ask(proxy, token, { method: "POST", path: "/v1/responses", body });
  assertEquals(status, 200, text);
  return String(JSON.parse(text).id);
}

const poll = (proxy: ProxyProcess, token: { value: string }, id: string) =>
  ask(proxy, token, { path: `/v1/responses/${id}` });

Deno.test("objects: a background response under a budget costs what it told when it was over, and no poll costs anything", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
  const id = await make(proxy, token);
  await poll(proxy, token, id);
  assertEquals(await spentBy(proxy, token), 0);
  upstream.end(id);
  for (let look = 0; look < 3; look++) await poll(proxy, token, id);
  assertEquals(await spentBy(proxy, token), COST);
  assertEquals(await usageOf(proxy, token), {
    requests: 5,
    input_tokens: 1_000,
    output_tokens: 200,
    cost_micros: COST,
  });
  const rows = await exchanges(proxy, `token_id=${token.id}`);
  assertEquals(rows.filter(({ method }) => method === "GET").map(({ cost_micros }) => cost_micros), [
    null,
    null,
    null,
    null,
  ]);
  const settled = rows.find(({ settlement }) => settlement === "settled");
  const awaited = rows.find(({ settlement }) => settlement === "awaited");
  assertEquals([settled?.cost_micros, settled?.usage_source], [COST, "provider"]);
  assertEquals([awaited?.cost_micros, awaited?.usage_source], [null, null]);
  assertEquals([settled?.provider_request_id, settled?.request_id], [id, awaited?.request_id]);
  const line = await proxy.logged(({ event, settlement }) =>
    event === "exchange" && settlement !== undefined
  );
  assertEquals([line["id"], line["settlement"], line["model"], line["cost_usd"]], [
    awaited?.request_id,
    "awaited",
    "bill-1",
    undefined,
  ], "the log says only what was known when the request ended");
});

Deno.test("objects: more than the budget is never reserved, and what is over gives its reservation back", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 0.1 } });
  const ids = [await make(proxy, token), await make(proxy, token)];
  const body = BACKGROUND;
  const third = await ask(proxy, token, { method: "POST", path: "/v1/responses", body });
  assertEquals(third.status, 429);
  assertMatch(third.text, /is reserved for requests and background responses that still run/);
  for (const id of ids) {
    upstream.end(id);
    assertEquals((await poll(proxy, token, id)).status, 200, "a look needs no money");
  }
  assertEquals(await spentBy(proxy, token), 2 * COST);
  await make(proxy, token);
});

Deno.test("objects: after kill -9 the reservation is held, and the poll counts what was told", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const first = await proxies.start();
  const token = await makeToken(first, "anna", { budget: { total_usd: 0.1 } });
  const free = await makeToken(first, "ben");
  const ids = [await make(first, token), await make(first, token)];
  const unlimited = await make(first, free);
  await proxies.kill(first);

  const second = await proxies.start();
  const body = BACKGROUND;
  assertEquals((await ask(second, token, { method: "POST", path: "/v1/responses", body })).status, 429);
  for (const id of [...ids, unlimited]) upstream.end(id);
  for (const id of ids) await poll(second, token, id);
  await poll(second, free, unlimited);
  assertEquals(await spentBy(second, token), 2 * COST);
  assertEquals(await spentBy(second, free), COST);
  await proxies.kill(second);

  const third = await proxies.start();
  for (const id of ids) await poll(third, token, id);
  await poll(third, free, unlimited);
  assertEquals(await spentBy(third, token), 2 * COST, "once, over a further kill");
  assertEquals(await spentBy(third, free), COST);
  assertEquals((await usageOf(third, free)).cost_micros, COST);
});

Deno.test("objects: a stream in the background that is killed counts when it is resumed", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const first = await proxies.start();
  const token = await makeToken(first, "anna", { budget: { total_usd: 0.09 } });
  const response = await fetch(`${first.url}/openai/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${token.value}`, "content-type": "application/json" },
    body: JSON.stringify({ ...BACKGROUND, stream: true }),
  });
  const reader = response.body?.getReader();
  const { value } = await reader?.read() ?? {};
  const [id = ""] = /resp_\d+/.exec(new TextDecoder().decode(value)) ?? [];
  await proxies.kill(first);
  await reader?.cancel().catch(() => {});

  const second = await proxies.start();
  assertEquals(await spentBy(second, token), 0);
  upstream.end(id);
  const path = `/v1/responses/${id}?stream=true&starting_after=1`;
  assertMatch((await ask(second, token, { path })).text, /response\.completed/);
  await ask(second, token, { path });
  assertEquals(await spentBy(second, token), COST);
});

Deno.test("objects: whichever token polls, after a rotation and a reload, the maker pays", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin, 'objects = "shared"');
  const proxy = await proxies.start();
  const maker = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
  const other = await makeToken(proxy, "ben", { budget: { total_usd: 1 } });
  const id = await make(proxy, maker);
  const rotated = await new Management(proxy.url).ask("POST", `/tokens/${maker.id}/rotate`, {
    overlap_minutes: 0,
  });
  assertEquals((await poll(proxy, maker, id)).status, 401, "the old value has gone");
  await proxies.configure(upstream.origin, 'objects = "shared"\n# changed');
  proxy.kill("SIGHUP");
  await proxy.logged(({ event }) => event === "reloaded");
  upstream.end(id);
  assertEquals((await poll(proxy, other, id)).status, 200);
  await poll(proxy, { value: String(rotated["token"]) }, id);
  assertEquals([await spentBy(proxy, maker), await spentBy(proxy, other)], [COST, 0]);
  assertEquals((await usageOf(proxy, other)).input_tokens, 0);
});

Deno.test(`objects: ${POLLS} polls at once of two proxies on one database count once`, async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const both = [await proxies.start(), await proxies.start()];
  const [one, other] = both;
  if (one === undefined || other === undefined) throw new RangeError("two proxies");
  const token = await makeToken(one, "anna", { budget: { total_usd: 1 } });
  const ids = [await make(one, token), await make(other, token)];
  for (const id of ids) upstream.end(id);
  await Promise.all(
    ids.flatMap((id) =>
      Array.from({ length: POLLS }, (_, at) => poll(at % 2 === 0 ? one : other, token, id))
    ),
  );
  await usageOf(other, token);
  const { input_tokens, cost_micros } = await usageOf(one, token);
  assertEquals({ input_tokens, cost_micros }, { input_tokens: 2_000, cost_micros: 2 * COST });
  const settled = (await exchanges(one, `token_id=${token.id}&limit=1000`))
    .filter(({ settlement }) => settlement === "settled");
  assertEquals(settled.length, 2);
});

for (
  const [how, told, cost] of [
    ["failed without usage", { status: "failed", usage: null }, 0],
    ["cancelled with usage", {
      status: "cancelled",
      usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
    }, 70],
    [
      "incomplete",
      { status: "incomplete", usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } },
      70,
    ],
  ] as const
) {
  Deno.test(`objects: a background response that is ${how} costs what it told, and gives the rest back`, async () => {
    await using upstream = new ObjectUpstream();
    await using proxies = await ObjectProxies.at(upstream.origin);
    const proxy = await proxies.start();
    const token = await makeToken(proxy, "anna", { budget: { total_usd: 0.05 } });
    const id = await make(proxy, token);
    upstream.end(id, told);
    const path = how.startsWith("cancelled") ? `/v1/responses/${id}/cancel` : `/v1/responses/${id}`;
    const method = how.startsWith("cancelled") ? "POST" : "GET";
    assertEquals((await ask(proxy, token, { method, path })).status, 200);
    assertEquals(await spentBy(proxy, token), cost);
    await make(proxy, token);
  });
}

Deno.test("objects: one that is deleted before it is over costs what was reserved; one that was counted costs no more", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
  const [counted, deleted] = [await make(proxy, token), await make(proxy, token)];
  upstream.end(counted);
  await poll(proxy, token, counted);
  await ask(proxy, token, { method: "DELETE", path: `/v1/responses/${counted}` });
  assertEquals(await spentBy(proxy, token), COST);
  await ask(proxy, token, { method: "DELETE", path: `/v1/responses/${deleted}` });
  const estimated = await spentBy(proxy, token) - COST;
  assertEquals(estimated >= 50_000 && estimated < 51_000, true, String(estimated));
  const [row] = (await exchanges(proxy, `token_id=${token.id}`)).filter(({ settlement }) =>
    settlement === "settled"
  );
  assertEquals(row?.["usage_source"], "estimated");
});

Deno.test("objects: a creation that fails awaits nothing", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 0.05 } });
  upstream.answers.set("POST /v1/responses", {
    status: "500 Oops",
    text: JSON.stringify(upstream.object("resp_9")),
  });
  assertEquals(
    (await ask(proxy, token, { method: "POST", path: "/v1/responses", body: BACKGROUND })).status,
    500,
  );
  upstream.answers.clear();
  await make(proxy, token);
  assertEquals(await spentBy(proxy, token), 0);
});

Deno.test("objects: what was streamed of a response before it was cancelled is estimated if no usage is stated", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
  const text = "word".repeat(100);
  const created = {
    type: "response.created",
    response: { ...upstream.object("resp_7"), status: "in_progress" },
  };
  const delta = { type: "response.output_text.delta", item_id: "msg_1", delta: text };
  const events = [created, delta].map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  upstream.answers.set("POST /v1/responses", { type: "text/event-stream", text: events });
  const body = { ...BACKGROUND, stream: true };
  await ask(proxy, token, { method: "POST", path: "/v1/responses", body });
  upstream.end("resp_7", { status: "cancelled", usage: null });
  await ask(proxy, token, { method: "POST", path: "/v1/responses/resp_7/cancel" });
  assertEquals(await spentBy(proxy, token), 100 * 10);
});

const LINES = [["bill-1", 20, 10], ["bill-2", 30, 6], ["bill-1", 4, 2]] as const;
/** Half of the price: 24 and 30 tokens of input, 12 and 6 of output. */
const BATCH_COST = (24 * 2 + 12 * 10) / 2 + (30 * 2 + 6 * 10) / 2;
const BATCH = { id: "batch_1", object: "batch", status: "validating", output_file_id: null };
const OPENAI_LINES = LINES.map(([model, prompt_tokens, completion_tokens], at) => {
  const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  const response = { status_code: 200, body: { object: "chat.completion", model, choices: [], usage } };
  return JSON.stringify({ id: `batch_req_${at}`, custom_id: `${at}`, response, error: null });
}).join("\n");
const ANTHROPIC_BATCH = { id: "msgbatch_1", type: "message_batch", processing_status: "in_progress" };
const ANTHROPIC_LINES = LINES.map(([model, input_tokens, output_tokens], at) => {
  const message = { type: "message", model, usage: { input_tokens, output_tokens } };
  return JSON.stringify({ custom_id: `${at}`, result: { type: "succeeded", message } });
}).join("\n");

for (
  const { what, making, made, looks, over, results, lines, type } of [
    {
      what: "OpenAI's, whose results are a file",
      making: "/v1/batches",
      made: BATCH,
      looks: "/v1/batches/batch_1",
      over: { ...BATCH, status: "completed", output_file_id: "file-out" },
      results: "/v1/files/file-out/content",
      lines: OPENAI_LINES,
      type: "application/octet-stream",
    },
    {
      what: "OpenAI's, found in the list of all",
      making: "/v1/batches",
      made: BATCH,
      looks: "/v1/batches",
      over: { object: "list", data: [{ ...BATCH, status: "completed", output_file_id: "file-out" }] },
      results: "/v1/files/file-out/content",
      lines: OPENAI_LINES,
      type: "application/octet-stream",
    },
    {
      what: "Anthropic's",
      making: "/v1/messages/batches",
      made: ANTHROPIC_BATCH,
      looks: "/v1/messages/batches/msgbatch_1",
      over: { ...ANTHROPIC_BATCH, processing_status: "ended" },
      results: "/v1/messages/batches/msgbatch_1/results",
      lines: ANTHROPIC_LINES,
      type: "application/x-jsonl",
    },
  ]
) {
  Deno.test(`objects: each line of a batch counts once, at the batch price, to the maker, over kills: ${what}`, async () => {
    await using upstream = new ObjectUpstream();
    upstream.answers.set(`POST ${making}`, { text: JSON.stringify(made) });
    upstream.answers.set(`GET ${looks}`, { text: JSON.stringify(over) });
    upstream.answers.set(`GET ${results}`, { type, text: lines });
    await using proxies = await ObjectProxies.at(upstream.origin, 'objects = "shared"');
    const first = await proxies.start();
    const maker = await makeToken(first, "anna");
    const other = await makeToken(first, "ben", { budget: { total_usd: 1 } });
    await ask(first, maker, {
      method: "POST",
      path: making,
      body: { input_file_id: "file-in", requests: [] },
    });
    await proxies.kill(first);
    const second = await proxies.start();
    await ask(second, other, { path: looks });
    await proxies.kill(second);
    const third = await proxies.start();
    await Promise.all(Array.from({ length: 10 }, () => ask(third, other, { path: results })));
    await proxies.kill(third);
    const fourth = await proxies.start();
    for (const token of [maker, other]) await ask(fourth, token, { path: results });
    const { input_tokens, output_tokens, cost_micros } = await usageOf(fourth, maker);
    assertEquals({ input_tokens, output_tokens, cost_micros }, {
      input_tokens: 54,
      output_tokens: 18,
      cost_micros: BATCH_COST,
    });
    assertEquals([await spentBy(fourth, maker), await spentBy(fourth, other)], [BATCH_COST, 0]);
    const settled = (await exchanges(fourth, `token_id=${maker.id}`))
      .filter(({ settlement }) => settlement === "settled");
    assertEquals(settled.map(({ model_answered }) => model_answered).sort(), ["bill-1", "bill-2"]);
  });
}

Deno.test("objects: results of a batch that was made past the proxy count once, for the first who fetches them whole", async () => {
  await using upstream = new ObjectUpstream();
  const path = "/v1/messages/batches/msgbatch_9/results";
  upstream.answers.set(`GET ${path}`, { type: "application/x-jsonl", text: ANTHROPIC_LINES });
  upstream.answers.set("GET /v1/files/file-9/content", { text: OPENAI_LINES });
  await using proxies = await ObjectProxies.at(upstream.origin);
  const first = await proxies.start();
  const [one, other] = [await makeToken(first, "anna"), await makeToken(first, "ben")];
  await ask(first, one, { path });
  await ask(first, one, { path: "/v1/files/file-9/content" });
  await proxies.kill(first);
  const second = await proxies.start();
  for (const token of [other, one]) await ask(second, token, { path });
  assertEquals(
    [await spentBy(second, one), await spentBy(second, other)],
    [BATCH_COST, 0],
    "a file counts nothing",
  );
});

Deno.test("objects: a stored completion counts with its request, and never when it is read again", async () => {
  await using upstream = new ObjectUpstream();
  const usage = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };
  const text = JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "bill-1",
    choices: [],
    usage,
  });
  upstream.answers.set("POST /v1/chat/completions", { text });
  upstream.answers.set("GET /v1/chat/completions/chatcmpl-1", { text });
  await using proxies = await ObjectProxies.at(upstream.origin);
  const first = await proxies.start();
  const token = await makeToken(first, "anna", { budget: { total_usd: 1 } });
  const body = { model: "bill-1", messages: [], store: true };
  await ask(first, token, { method: "POST", path: "/v1/chat/completions", body });
  assertEquals(await spentBy(first, token), 50);
  await proxies.kill(first);
  const second = await proxies.start();
  for (let look = 0; look < 2; look++) await ask(second, token, { path: "/v1/chat/completions/chatcmpl-1" });
  assertEquals(await spentBy(second, token), 50);
});

Deno.test("objects: a run counts once, for its maker, when it is over; the tools' output is a part of it", async () => {
  await using upstream = new ObjectUpstream();
  const run = { id: "run_1", object: "thread.run", status: "queued", model: "bill-1", usage: null };
  const path = "/v1/threads/thread_1/runs";
  upstream.answers.set(`POST ${path}`, { text: JSON.stringify(run) });
  upstream.answers.set(`POST ${path}/run_1/submit_tool_outputs`, { text: JSON.stringify(run) });
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const [maker, other] = [await makeToken(proxy, "anna"), await makeToken(proxy, "ben")];
  await ask(proxy, maker, { method: "POST", path, body: { assistant_id: "asst_1" } });
  await ask(proxy, other, {
    method: "POST",
    path: `${path}/run_1/submit_tool_outputs`,
    body: { tool_outputs: [] },
  });
  const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
  const text = JSON.stringify({ ...run, status: "completed", usage });
  upstream.answers.set(`GET ${path}/run_1`, { text });
  for (const token of [other, maker, other]) await ask(proxy, token, { path: `${path}/run_1` });
  assertEquals([await spentBy(proxy, maker), await spentBy(proxy, other)], [300, 0]);
});

Deno.test("objects: a limit for certain models holds the reservation over a kill, and counts what was told", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const first = await proxies.start();
  const model_limits = [{ model: "bill-*", budget: { total_usd: 0.05 } }];
  const token = await makeToken(first, "anna", { model_limits });
  const id = await make(first, token);
  await proxies.kill(first);
  const second = await proxies.start();
  const body = BACKGROUND;
  const refused = await ask(second, token, { method: "POST", path: "/v1/responses", body });
  assertEquals(refused.status, 429, refused.text);
  assertMatch(refused.text, /for models bill-\*/);
  upstream.end(id);
  await poll(second, token, id);
  await make(second, token);
  const { model_limits: limits } = await new Management(second.url).ask("GET", `/tokens/${token.id}`);
  assertEquals(Array.isArray(limits) && limits[0].spent.total_micros, COST);
});

Deno.test("objects: tokens per minute count what a background response states when it is made, and the rest when it is over", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { limits: { tokens_per_minute: 1_000 } });
  const body = { ...BACKGROUND, max_output_tokens: 600 };
  const id = await make(proxy, token, body);
  const later = await make(proxy, token, { ...body, max_output_tokens: 100 });
  for (const one of [id, later]) {
    upstream.end(one);
    await poll(proxy, token, one);
  }
  // 1,200 were used by each: 600 and 1,100 more than was stated.
  const refused = await ask(proxy, token, { method: "POST", path: "/v1/responses", body });
  assertEquals(refused.status, 429, refused.text);
  assertMatch(refused.text, /1000 tokens per minute/);
});

Deno.test("objects: after a failover the object of the backend that answered is awaited, and counts once", async () => {
  await using failing = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(
        plainAnswer("{}", { status: "503 Overloaded", headers: "Content-Type: application/json\r\n" }),
      );
    },
  });
  await using upstream = new ObjectUpstream();
  const endpoint = `[endpoints.pair]
provider = "openai"
api_key = "sk-test-pair-000000"
retries = 1
retry_statuses = [503]
prices = { "bill-*" = { input = 2, output = 10 } }
[[endpoints.pair.backends]]
name = "failing"
base_url = "${failing.origin}"
[[endpoints.pair.backends]]
name = "working"
base_url = "${upstream.origin}"`;
  await using proxies = await ObjectProxies.at(upstream.origin, endpoint);
  const proxy = await proxies.start();
  const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
  const path = "/v1/responses";
  const made = await ask(proxy, token, { endpoint: "pair", method: "POST", path, body: BACKGROUND });
  assertEquals(made.status, 200, made.text);
  const { id } = JSON.parse(made.text);
  upstream.end(id);
  await ask(proxy, token, { path: `${path}/${id}` });
  assertEquals(await spentBy(proxy, token), 0, "another endpoint");
  await ask(proxy, token, { endpoint: "pair", path: `${path}/${id}` });
  assertEquals(await spentBy(proxy, token), COST);
  const [row] = (await exchanges(proxy, `token_id=${token.id}`)).filter(({ settlement }) =>
    settlement === "settled"
  );
  assertEquals([row?.["endpoint"], row?.["backend"]], ["pair", "working"]);
});

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
async function exchanges(proxy: ProxyProcess, query: string): Promise<any[]> {
  const { data } = await new Management(proxy.url).ask("GET", `/exchanges?${query}`);
  return Array.isArray(data) ? data : [];
}
