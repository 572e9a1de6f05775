/** Managed tokens, limits and accounts over real sockets, in the proxy as it is put together. */

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { zstdCompressSync } from "node:zlib";
import { DatabaseSync } from "node:sqlite";
import { until, within } from "../../support/time/deadline.ts";
import { chunk, FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

const ANTHROPIC = { path: "/anthropic/v1/messages", headers: { "anthropic-version": "2023-06-01" } };

async function refusal(response: Response): Promise<[number, string | null]> {
  await response.text();
  return [response.status, response.headers.get("x-llm-proxy-error")];
}

Deno.test("managed token: admitted with the endpoint's key, in every place where clients put it", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value, id } = await proxy.token();
  assertEquals((await (await proxy.chat(value)).json()).object, "chat.completion");
  const inQuery = await fetch(`${proxy.url}/openai/v1/models?key=${value}`);
  assertEquals([inQuery.status, (await inQuery.json()).object], [200, "list"]);
  assert(!upstream.received.includes(value));
  const { body } = await proxy.api("GET", `/tokens/${id}`);
  assertEquals([body.request_count, body.state], [2, "active"]);
  assert(body.last_used_at !== null);
});

Deno.test("managed token: a slip of the hand, a foreign one and none are 401, and the shared one goes on", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  const slip = value.slice(0, -1) + (value.endsWith("a") ? "b" : "a");
  for (const wrong of [slip, `llmp_${"x".repeat(49)}`, "llmp_", "nothing"]) {
    assertEquals(await refusal(await proxy.chat(wrong)), [401, "unauthorized"], wrong);
  }
  assertEquals((await refusal(await proxy.chat(SECRETS.proxyToken)))[0], 200);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("managed token: revoked, deactivated, rotated or its project deactivated: from the very next request on", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const first = await proxy.token();
  await (await proxy.chat(first.value)).body?.cancel();
  assertEquals((await proxy.api("PATCH", `/tokens/${first.id}`, { active: false })).status, 200);
  assertEquals(await refusal(await proxy.chat(first.value)), [401, "token_revoked"]);
  await proxy.api("PATCH", `/tokens/${first.id}`, { active: true });
  assertEquals((await refusal(await proxy.chat(first.value)))[0], 200);
  await proxy.api("DELETE", `/projects/${first.projectId}`);
  assertEquals(await refusal(await proxy.chat(first.value)), [401, "token_revoked"]);
  await proxy.api("PATCH", `/projects/${first.projectId}`, { active: true });

  const rotated = await proxy.api("POST", `/tokens/${first.id}/rotate`, { overlap_minutes: 1 });
  for (const value of [first.value, rotated.body.token]) {
    assertEquals((await refusal(await proxy.chat(value)))[0], 200);
  }
  const again = await proxy.api("POST", `/tokens/${first.id}/rotate`, { overlap_minutes: 0 });
  assertEquals(
    await refusal(await proxy.chat(rotated.body.token)),
    [401, "unauthorized"],
  );
  assertEquals((await refusal(await proxy.chat(again.body.token)))[0], 200);
  assertEquals((await proxy.api("DELETE", `/tokens/${first.id}`)).status, 204);
  assertEquals(await refusal(await proxy.chat(again.body.token)), [401, "token_revoked"]);
  assertEquals(
    (await proxy.api("GET", `/tokens/${first.id}`)).body.request_count,
    5,
    "rotation keeps the count",
  );
});

Deno.test("managed token: another program's change acts from the very next request on", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value, id } = await proxy.token();
  for (let round = 0; round < 20; round++) {
    assertEquals((await refusal(await proxy.chat(value)))[0], 200);
    const other = await proxy.otherStore();
    const token = await other.findToken(id);
    assert(token !== undefined);
    const audit = {
      at: Date.now(),
      actor: "test",
      source: "",
      action: "token.update",
      subjectId: id,
      changes: {},
    };
    assert(await other.changeToken(token, { active: false }, audit));
    assertEquals(await refusal(await proxy.chat(value)), [401, "token_revoked"], String(round));
    assert(await other.changeToken({ id, version: token.version + 1 }, { active: true }, audit));
    other.close();
  }
});

for (
  const [rule, code] of [["requests_per_minute", "rate_limited"], [
    "max_requests",
    "budget_exceeded",
  ]] as const
) {
  Deno.test(`limits: of 300 requests at once exactly 37 pass ${rule} = 37`, async () => {
    await using upstream = new FakeUpstream();
    await using proxy = await ManagedProxy.start(upstream);
    const limits = rule === "max_requests" ? { max_requests: 37 } : { limits: { requests_per_minute: 37 } };
    const { value } = await proxy.token({}, limits);
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, async () => refusal(await proxy.chat(value))),
    );
    assertEquals(outcomes.filter(([status]) => status === 200).length, 37);
    assertEquals(outcomes.filter(([, fault]) => fault === code).length, 263);
    assertEquals(upstream.requests.length, 37);
  });
}

Deno.test("limits: concurrent requests count until the last byte, or until the client leaves", async () => {
  const release = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async ({ write, body }) => {
      for await (const _ of body()) { /* all of it */ }
      await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      await write(chunk("data: {}\n\n"));
      await release.promise;
      await write("0\r\n\r\n").catch(() => {});
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ limits: { concurrent_requests: 2 } });
  const [one, two] = [await proxy.chat(value), await proxy.chat(value)];
  assertEquals(await refusal(await proxy.chat(value)), [429, "rate_limited"]);
  await one.body?.cancel();
  await proxy.proxy.logged("exchange");
  await until(async () => (await proxy.api("GET", "/health")).body.in_flight <= 1, "the departure");
  const three = await proxy.chat(value);
  assertEquals(three.status, 200);
  release.resolve();
  await two.text();
  await three.text();
  assertEquals((await refusal(await proxy.chat(value)))[0], 200);
});

Deno.test("limits: each provider's own error body, and its own names for limits", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ limits: { requests_per_minute: 1 } });
  await (await proxy.chat(value)).body?.cancel();
  const openai = await proxy.chat(value);
  assertEquals([openai.status, (await openai.json()).error.code], [429, "rate_limited"]);
  assertEquals(
    ["limit", "remaining"].map((name) => openai.headers.get(`x-ratelimit-${name}-requests`)),
    ["1", "0"],
  );
  assertEquals(/^\d+s$/.test(openai.headers.get("x-ratelimit-reset-requests") ?? ""), true);
  assertGreater(Number(openai.headers.get("retry-after")), 0);
  const anthropic = await proxy.chat(value, {}, { path: "/anthropic/v1/messages" });
  assertEquals((await anthropic.json()).error.type, "rate_limit_error");
  assertEquals(anthropic.headers.get("anthropic-ratelimit-requests-limit"), "1");
  assertGreater(Date.parse(anthropic.headers.get("anthropic-ratelimit-requests-reset") ?? ""), Date.now());
  const gemini = await proxy.chat(value, {}, { path: "/gemini/v1beta/models/g:generateContent" });
  assertEquals((await gemini.json()).error.status, "RESOURCE_EXHAUSTED");
});

Deno.test("budgets: settled by what answers cost; a spent one is a 429 that SDKs do not retry", async () => {
  const price = { matches: () => true, input: 1_000_000, output: 1_000_000 };
  await using upstream = new FakeUpstream();
  const backend = testBackend(upstream.origin, {
    path: "/openai/v1",
    key: { mode: "inject", value: SECRETS.openaiKey },
  });
  const endpoints = [testEndpoint("openai", [backend], { prices: [price] })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value, id } = await proxy.token({ budget: { total_usd: 30 } });
  const answer = await (await proxy.chat(value)).json();
  const used = answer.usage.prompt_tokens + answer.usage.completion_tokens;
  const { body } = await proxy.api("GET", `/tokens/${id}`);
  assertEquals(body.spent.total_micros, used * 1_000_000);
  for (let round = 1; used * round < 30; round++) {
    assertEquals((await refusal(await proxy.chat(value)))[0], 200);
  }
  const refused = await proxy.chat(value);
  assertEquals(await refusal(refused), [429, "budget_exceeded"]);
  assertEquals(refused.headers.get("x-should-retry"), "false");
});

const DISPOSITION = 'Content-Disposition: form-data; name="model"';
const formOf = (head: string, model: string) =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nmodel\r\n--b\r\n${head}\r\n\r\n${model}\r\n--b--\r\n`;
const FORM_TYPE = "multipart/form-data; boundary=b";

interface Ask {
  readonly body: string | Uint8Array;
  readonly type?: string;
  readonly encoding?: string;
  readonly path?: string;
  /** A further header line, sent by hand. */
  readonly header?: string;
}
/** A request for a model, in each way that is understood. */
const WAYS: Readonly<Record<string, (model: string) => Ask>> = {
  "JSON": (model) => ({ body: JSON.stringify({ messages: [], model }) }),
  "JSON with an escaped key": (model) => ({ body: `{"m\\u006fdel":${JSON.stringify(model)}}` }),
  "compressed JSON": (model) => ({
    body: zstdCompressSync(new TextEncoder().encode(JSON.stringify({ model }))),
    encoding: "zstd",
  }),
  "a form": (model) => ({ body: formOf(DISPOSITION, model), type: FORM_TYPE }),
  "Gemini's path": (model) => ({ body: "{}", path: `/gemini/v1beta/models/${model}:generateContent` }),
  "a list of fallbacks": (model) => ({ body: `{"model":"ok-1","models":["ok-2",${JSON.stringify(model)}]}` }),
  "fallbacks with settings": (model) => ({ body: `{"model":"ok-1","fallbacks":[{"model":"${model}"}]}` }),
  "a tool's model": (model) => ({ body: `{"model":"ok-1","tools":[{"type":"x","model":"${model}"}]}` }),
  "a batch of messages": (model) => ({ body: `{"requests":[{"params":{"model":"${model}"}}]}` }),
  "a realtime session": (model) => ({ body: `{"session":{"model":"${model}"}}` }),
  "a query": (model) => ({ body: '{"model":"ok-1"}', path: `/openai/v1/chat/completions?Model=${model}` }),
  "a JSON body of another name": (model) => ({ body: `{"model":"${model}"}`, type: "application/x+json" }),
  "Ollama's create": (model) => ({ body: `{"model":"ok-1","from":"${model}"}`, path: "/openai/api/create" }),
  "a batch file": (model) => ({
    body: formOf('Content-Disposition: form-data; name="file"; filename="b"', `{"body":{"model":"${model}"}}`)
      .replace("\r\n\r\nmodel\r\n", '\r\n\r\n{"body":{"model":"ok-1"}}\r\n'),
    type: FORM_TYPE,
    path: "/openai/v1/files",
  }),
  "Gemini's tuned models": (model) => ({
    body: '{"model":"ok-1"}',
    path: `/gemini/v1beta/tunedModels/${model}:generateContent`,
  }),
  "the second model of a path": (model) => ({
    body: "{}",
    path: `/gemini/v1beta/models/ok-1%2Fx/models/${model}:generateContent`,
  }),
  "Azure's path": (model) => ({ body: "{}", path: `/openai/deployments/${model}/chat/completions` }),
  "Azure's header": (model) => ({
    body: '{"model":"ok-1"}',
    header: `X-MS-OAI-Image-Generation-Deployment: ${model}`,
  }),
  "Bedrock's path": (model) => ({ body: "{}", path: `/openai/model/${model}/converse` }),
  "a type that is named by the connection": (model) => ({
    body: JSON.stringify({ model }),
    header: "Connection: content-type",
    type: FORM_TYPE,
  }),
};
/** In each way that two readers could understand differently: nothing passes, whatever the model. */
const REFUSED_WAYS: Readonly<Record<string, (model: string) => Ask>> = {
  "the second of two keys": (model) => ({ body: `{"model":"ok-1","model":${JSON.stringify(model)}}` }),
  "the first of two keys": (model) => ({ body: `{"model":${JSON.stringify(model)},"model":"ok-1"}` }),
  "a key in capitals": (model) => ({ body: `{"model":"ok-1","Model":${JSON.stringify(model)}}` }),
  "a key in capitals alone": (model) => ({ body: `{"Model":${JSON.stringify(model)}}` }),
  "a tail behind the value": (model) => ({ body: `{"model":"ok-1"}{"model":"${model}"}` }),
  "JSON with the tail of a form": (model) => ({ body: `{"model":"ok-1"}\r\n${formOf(DISPOSITION, model)}` }),
  "JSON with the type of a form": (model) => ({ body: `{"model":"${model}"}`, type: FORM_TYPE }),
  "JSON with another type": (model) => ({ body: `{"model":"${model}"}`, type: "text/plain" }),
  "a boundary within quotes": (model) => ({
    body: formOf(DISPOSITION, model),
    type: 'multipart/form-data; x="; boundary=b"',
  }),
  "two boundaries": (model) => ({
    body: formOf(DISPOSITION, model),
    type: "multipart/form-data; boundary=c; boundary=b",
  }),
  "a form whose name is encoded": (model) => ({
    body: formOf("Content-Disposition: form-data; name*=utf-8''model", model),
    type: FORM_TYPE,
  }),
  "a form with a folded head": (model) => ({
    body: formOf('Content-Disposition: form-data;\r\n name="model"', model),
    type: FORM_TYPE,
  }),
  "a form with spaces around the sign": (model) => ({
    body: formOf('Content-Disposition: form-data; name = "model"', model),
    type: FORM_TYPE,
  }),
  "a form with two dispositions": (model) => ({
    body: formOf(`Content-Disposition: form-data; name="x"\r\n${DISPOSITION}`, model),
    type: FORM_TYPE,
  }),
  "a coding that an upstream may ignore": (model) => ({ body: `{"model":"${model}"}`, encoding: "gzip" }),
  "Gemini's path, encoded": (model) => ({
    body: "{}",
    path: `/gemini/v1beta/models/${
      [...model].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("")
    }:generateContent`,
  }),
  "Gemini's path with an encoded folder": (model) => ({
    body: '{"model":"ok-1"}',
    path: `/gemini/v1beta/%6dodels/${model}:generateContent`,
  }),
  "Gemini's path with slashes": (model) => ({
    body: '{"model":"ok-1"}',
    path: `/gemini/v1beta//models//${model}:generateContent`,
  }),
  "a path with parameters": (model) => ({
    body: '{"model":"ok-1"}',
    path: `/openai/deployments;a=b/${model}/chat/completions`,
  }),
};

Deno.test("allowed models: in every way in which one can be named, and nothing unnamed or unreadable", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer("{}"));
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ allowed_models: ["ok-*"] });
  const ask = async ({ body, type = "application/json", encoding, path, header }: Ask) => {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    using client = await RawClient.connect(proxy.url);
    const lines = [
      `POST ${path ?? "/openai/v1/chat/completions"} HTTP/1.1`,
      "Host: p",
      `Authorization: Bearer ${value}`,
      `Content-Type: ${type}`,
      `Content-Length: ${bytes.length}`,
      ...(encoding === undefined ? [] : [`Content-Encoding: ${encoding}`]),
      ...(header === undefined ? [] : [header]),
    ];
    await client.send(`${lines.join("\r\n")}\r\n\r\n`);
    await client.send(bytes);
    return (await client.answer()).status;
  };
  for (const [name, way] of Object.entries(WAYS)) {
    assertEquals(await ask(way("ok-1")), 200, name);
    const before = upstream.requests.length;
    assertEquals(await ask(way("dear")), 403, name);
    assertEquals(upstream.requests.length, before, `${name} went on`);
  }
  const before = upstream.requests.length;
  for (const [name, way] of Object.entries(REFUSED_WAYS)) {
    for (const model of ["ok-1", "dear"]) {
      const status = await ask(way(model));
      assert(status === 400 || status === 403, `${name}, ${model}: ${status}`);
    }
  }
  for (const body of ["{}", '{"model":5}', '{"model":null}']) assertEquals(await ask({ body }), 403, body);
  for (const body of ["[]", "not JSON", '{"model":"ok-1"', '\u0000{"model":"ok-1"}']) {
    assertEquals(await ask({ body }), 400, body);
  }
  const urlencoded = {
    body: '{"model":"ok-1","x":"&model=dear&y="}',
    type: "application/x-www-form-urlencoded",
  };
  assertEquals(await ask(urlencoded), 403);
  assertEquals(await ask({ body: "x", encoding: "zstd" }), 400);
  assertEquals(await ask({ body: '{"model":"ok-1"}', encoding: "unknown" }), 400);
  assertEquals(upstream.requests.length, before, "none of these went on");
  const listing = await fetch(`${proxy.url}/openai/v1/models`, {
    headers: { authorization: `Bearer ${value}` },
  });
  assertEquals((await refusal(listing))[0], 200, "a request without a body asks no model");
});

Deno.test("allowed models: a body that is too long to be read is a 413, one of another token streams on", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      let length = 0;
      for await (const piece of body()) length += piece.length;
      await write(plainAnswer(JSON.stringify({ length })));
    },
  });
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  const endpoints = [testEndpoint("openai", [backend], { maxBufferBytes: 100_000 })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const restricted = await proxy.token({ allowed_models: ["*"] });
  const budgeted = await proxy.token({ budget: { total_usd: 1 } });
  const long = JSON.stringify({ model: "m", prompt: "x".repeat(300_000) });
  assertEquals(await refusal(await proxy.chat(restricted.value, long)), [413, "payload_too_large"]);
  assertEquals(await refusal(await proxy.chat(budgeted.value, long)), [413, "payload_too_large"]);
  const upload = await proxy.chat(budgeted.value, long, { path: "/openai/v1/files" });
  assertEquals((await upload.json()).length, long.length, "an upload costs no output");
});

/**
 * Requests whose cost is not stated, or stated where the API does not look: each may cost 64 cents or more.
 */
const UNSTATED: Readonly<Record<string, { path: string; body: string; type?: string; refused?: true }>> = {
  "Gemini": { path: "/gemini/v1beta/models/gemini-2.5-pro:generateContent", body: '{"contents":[]}' },
  "a maximum of another API": {
    path: "/openai/v1/chat/completions/",
    body: '{"model":"gpt-5","max_output_tokens":1}',
  },
  "capitals in the path": {
    path: "/openai/v1/Chat/Completions",
    body: '{"model":"gpt-5","max_output_tokens":1}',
  },
  "many answers": { path: "/openai/v1/chat/completions", body: '{"model":"gpt-4o-mini","n":100}' },
  "many prompts": {
    path: "/openai/v1/completions",
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 1_000, prompt: Array(900).fill("a") }),
  },
  "an encoded path": {
    path: "/openai/v1/c%68at/completions",
    body: '{"model":"gpt-5","max_output_tokens":1}',
    refused: true,
  },
  "another content type": {
    path: "/openai/v1/chat/completions",
    body: '{"model":"gpt-5"}',
    type: "audio/wav",
    refused: true,
  },
};
for (const [name, { path, body, type = "application/json", refused = false }] of Object.entries(UNSTATED)) {
  Deno.test(`budgets: parallel requests without a maximum that counts reserve the most: ${name}`, async () => {
    const go = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        await go.promise;
        await write(plainAnswer("{}"));
      },
    });
    const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
    const endpoints = ["openai", "gemini"].map((endpoint) =>
      testEndpoint(endpoint, [backend], { priceProvider: endpoint === "openai" ? "openai" : "google" })
    );
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    const { value } = await proxy.token({ budget: { total_usd: 0.5 } });
    // Also where something fails: the upstream's end waits for its scripts.
    using _released = { [Symbol.dispose]: () => go.resolve() };
    let answered = 0;
    const asking = Array.from({ length: 10 }, async () => {
      const answer = await proxy.chat(value, body, { path, headers: { "content-type": type } });
      if (++answered === (refused ? 10 : 9)) go.resolve();
      await answer.body?.cancel();
      return answer.status;
    });
    const statuses = await within(Promise.all(asking), "that the others are refused");
    assertEquals(statuses.filter((status) => status === 200).length, refused ? 0 : 1, String(statuses));
  });
}

Deno.test("budgets: a client that leaves before the end of its answer pays for what may have been written", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write, peerClosed }) => {
      for await (const _ of body()) { /* all of it */ }
      await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      const usage = '"usage":{"input_tokens":10,"output_tokens":1}';
      await write(
        chunk(`data: {"type":"message_start","message":{"model":"claude-sonnet-5",${usage}}}\n\n`),
      );
      const text = "x".repeat(40_000);
      await write(chunk(`data: {"type":"content_block_delta","delta":{"text":"${text}"}}\n\n`));
      await peerClosed();
    },
  });
  const backend = testBackend(upstream.origin, {
    key: { mode: "inject", value: SECRETS.anthropicKey },
    keyField: "x-api-key",
  });
  const endpoints = [
    testEndpoint("anthropic", [backend], { dialect: "anthropic", priceProvider: "anthropic" }),
  ];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({ budget: { total_usd: 0.1 } });
  const ask = async () => {
    const body = { model: "claude-sonnet-5", max_tokens: 50_000, messages: [] };
    const response = await proxy.chat(value, body, { path: "/anthropic/v1/messages" });
    const reader = response.body?.getReader();
    let length = 0;
    while (length < 40_000 && response.status === 200) {
      const { value, done } = await within(
        reader?.read() ?? Promise.reject(new Error("no body")),
        "more bytes",
      );
      assertEquals(done, false, `the answer ended after ${length} bytes`);
      length += value?.length ?? 0;
    }
    await reader?.cancel();
    return response.status;
  };
  assertEquals(await ask(), 200);
  await proxy.proxy.logged("exchange");
  // 40 KB are about 10,000 tokens: 15 cents.
  assertEquals(await ask(), 429);
});

Deno.test("allowed endpoints: others are 403 in their own dialect", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({}, { allowed_endpoints: ["open*"] });
  assertEquals((await refusal(await proxy.chat(value)))[0], 200);
  const anthropic = await proxy.chat(value, {}, { path: "/anthropic/v1/messages" });
  assertEquals([anthropic.status, (await anthropic.json()).error.type], [403, "permission_error"]);
});

Deno.test("project keys: used in place of the endpoint's, also where the client's own would go on; never to be seen again", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer("{}"));
    },
  });
  await using other = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer("{}", { status: "200 OK" }));
    },
  });
  const own = testBackend(upstream.origin, { name: "a", key: { mode: "inject", value: SECRETS.openaiKey } });
  const foreign = testBackend(other.origin, {
    name: "b",
    key: { mode: "inject", value: SECRETS.anthropicKey },
  });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [
      testEndpoint("openai", [own, foreign], { strategy: "round_robin" }),
      testEndpoint("company", [testBackend(upstream.origin)]),
    ],
  });
  const keys = { openai: SECRETS.projectKey, company: SECRETS.projectKey };
  const { value, projectId } = await proxy.token({}, { provider_keys: keys });
  const keyless = await proxy.token();
  for (let round = 0; round < 2; round++) await refusal(await proxy.chat(value));
  await refusal(await proxy.chat(value, {}, { path: "/company/v1/chat/completions" }));
  assertEquals(upstream.requests.map((request) => request.header("authorization")), [
    `Bearer ${SECRETS.projectKey}`,
    `Bearer ${SECRETS.projectKey}`,
  ]);
  assertEquals(
    other.requests[0]?.header("authorization"),
    `Bearer ${SECRETS.anthropicKey}`,
    "another provider",
  );
  assertEquals(
    await refusal(await proxy.chat(keyless.value, {}, { path: "/company/v1/chat/completions" })),
    [401, "unauthorized"],
    "passthrough asks for the token elsewhere",
  );
  const { body } = await proxy.api("GET", `/projects/${projectId}`);
  assertEquals(body.provider_keys, { company: { suffix: "cc0e" }, openai: { suffix: "cc0e" } });
  await proxy.api("PATCH", `/projects/${projectId}`, { provider_keys: { openai: null } });
  await refusal(await proxy.chat(value));
  assertEquals(upstream.requests.at(-1)?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);
});

Deno.test("accounts: plain and streamed answers of both providers are recorded, priced and shown", async () => {
  await using upstream = new FakeUpstream();
  const inject = (value: string) => ({ key: { mode: "inject", value } }) as const;
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [
      testEndpoint("openai", [
        testBackend(upstream.origin, { path: "/openai/v1", ...inject(SECRETS.openaiKey) }),
      ], {
        priceProvider: "openai",
      }),
      testEndpoint("anthropic", [
        testBackend(upstream.origin, {
          path: "/anthropic",
          keyField: "x-api-key",
          ...inject(SECRETS.anthropicKey),
        }),
      ], { dialect: "anthropic", priceProvider: "anthropic" }),
    ],
  });
  const { value, id } = await proxy.token();
  const messages = [{ role: "user", content: `Hello ${SECRETS.prompt}` }];
  const openai = { model: "gpt-4o-mini", messages };
  await (await proxy.chat(value, openai, { headers: { "user-agent": "OpenAI/JS 7.55.0" } })).text();
  await (await proxy.chat(value, { ...openai, stream: true, stream_options: { include_usage: true } }))
    .text();
  await (await proxy.chat(value, { ...openai, stream: true })).text();
  const anthropic = { model: "claude-sonnet-5", max_tokens: 50, messages };
  await (await proxy.chat(value, anthropic, ANTHROPIC)).text();
  await (await proxy.chat(value, { ...anthropic, stream: true }, ANTHROPIC)).text();
  const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
  const rows = body.data.toReversed();
  assertEquals(rows.map((row: Json) => row.usage_source), [
    "provider",
    "provider",
    "estimated",
    "provider",
    "provider",
  ]);
  const told = rows.map((
    row: Json,
  ) => [row.endpoint, row.model_asked, row.stream, row.input_tokens !== null, row.cost_micros !== null]);
  assertEquals(told, [
    ["openai", "gpt-4o-mini", null, true, true],
    ["openai", "gpt-4o-mini", true, true, true],
    // It did not ask for its usage, so that it is estimated.
    ["openai", "gpt-4o-mini", true, true, true],
    ["anthropic", "claude-sonnet-5", null, true, true],
    ["anthropic", "claude-sonnet-5", true, true, true],
  ]);
  assertEquals([rows[0].client, rows[0].stop_reason, rows[0].usage_partial], ["openai-sdk", "stop", false]);
  const usage = await proxy.api("GET", "/usage?group=model");
  assertEquals(usage.body.data.map((row: Json) => [row.model, row.requests]).sort(), [
    ["claude-sonnet-5", 2],
    ["gpt-4o-mini", 3],
  ]);
  const metrics = await proxy.metrics();
  assertStringIncludes(
    metrics,
    'llm_proxy_exchanges_total{endpoint="openai",provider="openai",status="2xx",ending="complete"} 3',
  );
  assertStringIncludes(
    metrics,
    'llm_proxy_tokens_total{endpoint="anthropic",model="claude-sonnet-5",kind="input"}',
  );
});

Deno.test("accounts: a stream whose client leaves keeps what was seen, marked partial, and nothing more is pulled", async () => {
  let sent = 0;
  await using upstream = new FakeUpstream({
    script: async ({ body, write, peerClosed }) => {
      for await (const _ of body()) { /* all of it */ }
      await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      await write(
        chunk('data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":7}}}\n\n'),
      );
      const gone = peerClosed().then(() => "gone");
      while (await Promise.race([gone, passing(5, { why: "the upstream sends at a pace" })]) !== "gone") {
        await write(chunk(`data: {"type":"ping"}\n\n`)).catch(() => {});
        sent++;
      }
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  const response = await proxy.chat(value, {}, { path: "/anthropic/v1/messages" });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await proxy.proxy.logged("exchange");
  const { body } = await proxy.api("GET", "/exchanges");
  const [row] = body.data;
  assertEquals([row.ending, row.usage_partial, row.input_tokens, row.output_tokens, row.model_answered], [
    "client_gone",
    true,
    7,
    0,
    "m",
  ]);
  const before = sent;
  await passing(50, { why: "nothing may come in this time" });
  assertEquals(sent, before, "the upstream has been let go");
});

Deno.test("accounts: a client that leaves after the last event has got a complete answer, and one before it has not", async () => {
  const delta = 'data: {"type":"response.output_text.delta","delta":"Hello"}\n\n';
  const usage = { input_tokens: 9, output_tokens: 1, total_tokens: 10 };
  const done = { id: "resp_1", status: "completed", model: "gpt-4.1", usage };
  let events = delta;
  await using upstream = new FakeUpstream({
    script: async ({ body, write, peerClosed }) => {
      for await (const _ of body()) { /* all of it */ }
      await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      await write(chunk(events));
      await peerClosed();
    },
  });
  const leave = async () => {
    await using proxy = await ManagedProxy.start(upstream);
    const { value } = await proxy.token();
    const response = await proxy.chat(value, { model: "gpt-4.1", stream: true }, {
      path: "/openai/v1/responses",
    });
    const reader = response.body?.getReader();
    for (let read = 0; read < events.length;) read += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    await proxy.proxy.logged("exchange");
    const row = (await proxy.api("GET", "/exchanges?limit=1")).body.data[0];
    return [row.ending, row.status, row.usage_partial, row.usage_source];
  };
  assertEquals(await leave(), ["client_gone", 499, true, "estimated"]);
  events = `${delta}data: ${JSON.stringify({ type: "response.completed", response: done })}\n\n`;
  assertEquals(await leave(), ["complete", 200, false, "provider"]);
});

Deno.test("accounts: whatever an upstream says, all others go on being recorded", async () => {
  const bodies = [
    '{"model":"\\ud800\\u0000","usage":{"prompt_tokens":1.5,"completion_tokens":-3}}',
    '{"model":"x","usage":{"prompt_tokens":1e300,"completion_tokens":9007199254740993}}',
    '{"model":"=1+1","usage":{"prompt_tokens":"7","completion_tokens":null},"choices":[{"finish_reason":"\\ud83d"}]}',
    '{"model":"good","usage":{"prompt_tokens":5,"completion_tokens":6}}',
  ];
  let asked = 0;
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer(bodies[asked++] ?? "", { headers: "Content-Type: application/json\r\n" }));
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  for (const _ of bodies) await refusal(await proxy.chat(value));
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(body.data.map((row: Json) => [row.input_tokens, row.output_tokens]), [
    [5, 6],
    [null, null],
    [null, null],
    [null, null],
  ]);
  assertEquals((await proxy.api("GET", "/health")).body.dropped_exchanges, 0);
});

Deno.test("accounts: refused requests of a known caller are recorded, those of nobody are only counted", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ limits: { requests_per_minute: 1 } });
  for (let round = 0; round < 2; round++) await refusal(await proxy.chat(value));
  await refusal(await proxy.chat("wrong"));
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(body.data.map((row: Json) => row.ending), ["rate_limited", "complete"]);
  assertStringIncludes(await proxy.metrics(), 'llm_proxy_refused_total{ending="unauthorized"} 1');
});

Deno.test("storage that fails: known tokens go on, /health and the log say so, and nothing is lost once it is back", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  await refusal(await proxy.chat(value));
  const blocker = new DatabaseSync(proxy.databaseFile);
  blocker.exec("BEGIN EXCLUSIVE");
  for (let round = 0; round < 5; round++) assertEquals((await refusal(await proxy.chat(value)))[0], 200);
  const health = async () => await (await fetch(`${proxy.url}/health`)).json();
  await until(async () => (await health()).storage !== "ok", "the failure of the storage");
  assertEquals((await health()).status, "degraded");
  assertEquals((await refusal(await proxy.chat(value)))[0], 200);
  assertEquals((await proxy.api("POST", "/projects", { name: "x" })).status, 503);
  blocker.exec("COMMIT");
  blocker.close();
  await until(async () => (await health()).storage === "ok", "the recovery of the storage");
  const { body } = await proxy.api("GET", "/usage");
  assertEquals(body.data[0].requests, 7);
});

Deno.test("live: running exchanges, what begins and what ends, as it happens; ended by the proxy's own end", async () => {
  await using upstream = new FakeUpstream({ paceMs: 20 });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  const live = await fetch(`${proxy.url}/manage/exchanges/live`, {
    headers: { authorization: `Bearer ${SECRETS.managementToken}` },
  });
  assertEquals(live.headers.get("content-type"), "text/event-stream");
  const answer = proxy.chat(value, {
    model: "demo-small",
    stream: true,
    messages: [{ role: "user", content: "hi" }],
  });
  const events: string[] = [];
  let rest = "";
  assert(live.body !== null);
  for await (const text of live.body.pipeThrough(new TextDecoderStream())) {
    rest += text;
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      const [, event = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(rest.slice(0, end)) ?? [];
      events.push(event);
      if (event === "started") await (await answer).text();
      if (event === "ended") {
        assertEquals(JSON.parse(data).model_asked, "demo-small");
        proxy.proxy.drain();
      }
      rest = rest.slice(end + 2);
    }
  }
  assertEquals([events[0], events.includes("started"), events.at(-1)], ["running", true, "ended"]);
});

Deno.test("metrics: only with the management token, unless they are public", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const asked = async (token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await refusal(await fetch(`${proxy.url}/metrics`, { headers })))[0];
  };
  assertEquals([await asked(), await asked("wrong"), await asked(SECRETS.proxyToken)], [401, 401, 401]);
  assertEquals(await asked(SECRETS.managementToken), 200);
  await using open = await ManagedProxy.start(upstream, { management: { metricsPublic: true } });
  assertEquals((await refusal(await fetch(`${open.url}/metrics`)))[0], 200);
});

Deno.test("tokens of the configuration have limits of their own", async () => {
  await using upstream = new FakeUpstream();
  const tokens = [
    { name: "shared", token: SECRETS.proxyToken, rules: { maxRequests: 1 } },
    { name: "ben", token: "bens-own-long-token" },
  ];
  await using proxy = await ManagedProxy.start(upstream, { tokens });
  const outcomes = [SECRETS.proxyToken, SECRETS.proxyToken, "bens-own-long-token", "bens-own-long-token"];
  const statuses: number[] = [];
  for (const token of outcomes) statuses.push((await refusal(await proxy.chat(token)))[0]);
  assertEquals(statuses, [200, 429, 200, 200]);
});

Deno.test("a budget holds against 100 requests at once that state no maximum: the model's own is reserved", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await go;
      const usage = '{"prompt_tokens":0,"completion_tokens":16000}';
      await write(
        plainAnswer(`{"model":"gpt-4o","usage":${usage}}`, { headers: "Content-Type: application/json\r\n" }),
      );
    },
  });
  const backend = testBackend(upstream.origin, {
    path: "/openai/v1",
    key: { mode: "inject", value: SECRETS.openaiKey },
  });
  const endpoints = [testEndpoint("openai", [backend], { priceProvider: "openai", prices: [] })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({ budget: { total_usd: 1 } });
  using _released = { [Symbol.dispose]: release };
  let refused = 0;
  const asking = Array.from({ length: 100 }, async () => {
    const answer = await proxy.chat(value, { model: "gpt-4o", messages: [] });
    if (answer.status === 429 && ++refused === 93) release();
    await answer.body?.cancel();
    return answer.status;
  });
  const statuses = await within(Promise.all(asking), "that the others are refused");
  // 16,384 output tokens at $10 a million are 16.4 cents: six leave 1.6 cents, so that a seventh passes as
  // well.
  assertEquals(statuses.filter((status) => status === 200).length, 7);
  const { body } = await proxy.api("GET", "/usage?group=token");
  assertEquals(body.data[0].cost_micros, 7 * 160_000);
});

Deno.test("a request that asks for more than can be reserves nothing that stays", async () => {
  await using upstream = new FakeUpstream();
  const backend = testBackend(upstream.origin, {
    path: "/openai/v1",
    key: { mode: "inject", value: SECRETS.openaiKey },
  });
  const endpoints = [testEndpoint("openai", [backend], { priceProvider: "openai" })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token({}, { budget: { day_usd: 100 }, limits: { tokens_per_minute: 1_000 } });
  for (const most of ["1e308", "1e25", "-5", "1.5"]) {
    const body = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"max_tokens":${most}}`;
    await refusal(await proxy.chat(value, body));
  }
  const health = await proxy.api("GET", "/health");
  assertEquals(health.body.in_flight, 0);
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };
  assertEquals((await refusal(await proxy.chat(value, body)))[0], 200);
});

Deno.test("an answer that does not say what it used has used what was reserved, and is told to be unmetered", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(
        plainAnswer('data: {"choices":[]}\n\n', { headers: "Content-Type: text/event-stream\r\n" }),
      );
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ limits: { tokens_per_minute: 100 } });
  const ask = async () =>
    await refusal(await proxy.chat(value, { model: "m", stream: true, max_tokens: 60 }));
  assertEquals([(await ask())[0], (await ask())[0], await ask()], [200, 200, [429, "rate_limited"]]);
  const { body } = await proxy.api("GET", "/usage");
  assertEquals([body.data[0].unmetered_requests, body.data[0].output_tokens], [2, 0]);
});

Deno.test("an answer that is looked at again is counted once", async () => {
  const answer =
    '{"id":"resp_1","model":"m","status":"completed","usage":{"input_tokens":5,"output_tokens":5}}';
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      await write(plainAnswer(answer, { headers: "Content-Type: application/json\r\n" }));
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  await refusal(await proxy.chat(value, {}, { path: "/openai/v1/responses" }));
  for (let round = 0; round < 3; round++) {
    const headers = { authorization: `Bearer ${value}` };
    await refusal(await fetch(`${proxy.url}/openai/v1/responses/resp_1`, { headers }));
  }
  assertEquals((await proxy.api("GET", "/usage")).body.data[0].output_tokens, 5);
});

Deno.test("project keys: their own rate limits set no backend aside; one that cannot be read is a 500, never the operator's key", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ request, body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      const isProjects = request.header("authorization") === `Bearer ${SECRETS.projectKey}`;
      const headers = "Retry-After: 3600\r\n";
      await write(
        isProjects ? plainAnswer("{}", { status: "429 Too Many Requests", headers }) : plainAnswer("{}"),
      );
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const own = await proxy.token({}, { provider_keys: { openai: SECRETS.projectKey } });
  const other = await proxy.token();
  for (let round = 0; round < 5; round++) assertEquals((await refusal(await proxy.chat(own.value)))[0], 429);
  assertEquals((await refusal(await proxy.chat(other.value)))[0], 200);
  const { body } = await proxy.api("GET", "/endpoints");
  assertEquals(body.data.map(({ backends }: Json) => backends[0].state), ["up", "up", "up"]);
  const database = new DatabaseSync(proxy.databaseFile);
  database.exec("UPDATE project_keys SET sealed = x'00112233445566778899aabbccddeeff00112233445566778899'");
  database.close();
  const before = upstream.requests.length;
  assertEquals(await refusal(await proxy.chat(own.value)), [500, "internal"]);
  assertEquals(upstream.requests.length, before);
});

Deno.test("the management token: guessed at /metrics as slowly as at /manage, and asked for before a body is read", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const guess = (path: string, token: string) =>
    fetch(proxy.url + path, { headers: { authorization: `Bearer ${token}` } }).then(refusal);
  const statuses: number[] = [];
  for (let round = 0; round < 7; round++) statuses.push((await guess("/metrics", `guess ${round}`))[0]);
  assertEquals(statuses, [...Array(5).fill(401), 429, 429]);
  assertEquals((await guess("/manage/projects", SECRETS.managementToken))[0], 429);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy.url).port) });
  const head = "POST /manage/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const answer = new Uint8Array(1024);
  const count = await within(connection.read(answer), "more bytes or the end") ?? 0;
  assertStringIncludes(new TextDecoder().decode(answer.subarray(0, count)), "HTTP/1.1 429 ");
  connection.close();
});

Deno.test("/manage: what is no request of the API's is answered all the same", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const port = Number(new URL(proxy.url).port);
  const raw = async (line: string): Promise<string> => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const text =
      `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${SECRETS.managementToken}\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(text));
    const response = await new Response(connection.readable).text();
    return response.split("\r\n")[0] ?? "";
  };
  assertEquals(await raw("TRACE /manage/health"), "HTTP/1.1 400 Bad Request");
  assertEquals(await raw("GET http://x/manage/usage?group=bogus"), "HTTP/1.1 400 Bad Request");
  assertEquals(await raw("HEAD /manage/exchanges/live"), "HTTP/1.1 200 OK");
  assertEquals(await raw("HEAD /manage/health"), "HTTP/1.1 200 OK");
  assertEquals(await raw("GET /manage/health"), "HTTP/1.1 200 OK");
});
