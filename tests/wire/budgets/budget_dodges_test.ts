/**
 * Ways in which clients tried to spend more than a budget: what each of them costs is known, or it is
 * rejected.
 */

import { assert, assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { decisions } from "../../support/time/decisions.ts";

const KEY = { mode: "inject", value: "K" } as const;
const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };
/** 16,384 tokens of gpt-4o at $10 a million are 16 cents. */
const BUDGET = { budget: { total_usd: 0.1 } };

/** How many of some requests are forwarded that are sent at once, and why one of the others was not. */
async function forwarded(
  requests: readonly { readonly path?: string; readonly body: unknown }[],
  endpoint: Parameters<typeof testEndpoint>[2] = {},
): Promise<{ forwarded: number; refusal: string }> {
  const { decide, all: decided } = decisions(requests.length);
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      decide();
      await decided;
      await write(
        plainAnswer(JSON.stringify({ usage: { prompt_tokens: 1, completion_tokens: 1 } }), JSON_TYPE),
      );
    },
  });
  const endpoints = [
    testEndpoint("openai", [testBackend(upstream.origin, { key: KEY })], {
      priceProvider: "openai",
      ...endpoint,
    }),
  ];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value } = await proxy.token(BUDGET);
  const all = await Promise.all(requests.map(async ({ path = "/openai/v1/chat/completions", body }) => {
    const answer = await proxy.chat(value, body, { path });
    if (answer.status !== 200) decide();
    return { status: answer.status, text: await answer.text() };
  }));
  return {
    forwarded: all.filter(({ status }) => status === 200).length,
    refusal: all.find(({ status }) => status !== 200)?.text ?? "",
  };
}

const times = <Request>(count: number, request: Request): Request[] => Array(count).fill(request);
const messages = [{ role: "user", content: "hi" }];

for (const model of ["gpt-4o", "models/gpt-4o", "openai/gpt-4o", "gpt-4o:nitro", " GPT-4o"]) {
  Deno.test(`budgets: ${JSON.stringify(model)} has the price of gpt-4o`, async () => {
    const { forwarded: count } = await forwarded(times(5, { body: { model, messages } }), {
      reserve: "maximum",
    });
    assertEquals(count, 1);
  });
}

Deno.test("budgets: a model without a price is rejected where others have one", async () => {
  for (const model of ["chat-prod", "auto", "rerank-v3.5"]) {
    const { forwarded: count, refusal } = await forwarded([{ body: { model, messages } }]);
    assertEquals(count, 0, model);
    assert(refusal.includes(`the model \\"${model}\\" has no price at openai`), refusal);
  }
});

Deno.test("budgets: a price of the configuration is a price", async () => {
  const prices = [{ matches: (name: string) => name === "chat-prod", input: 1, output: 1 }];
  const { forwarded: count } = await forwarded([{ body: { model: "chat-prod", messages } }], { prices });
  assertEquals(count, 1);
});

Deno.test("budgets: a limit that the provider ignores reserves nothing less", async () => {
  const ignored = [
    { max_completion_tokens: 1 },
    { generationConfig: { maxOutputTokens: 1 } },
    { max_output_tokens: 1 },
  ];
  for (const more of ignored) {
    const body = { model: "deepseek-chat", messages, ...more };
    const { forwarded: count } = await forwarded(times(10, { body }), {
      reserve: "maximum",
      priceProvider: "deepseek",
      reserveOutputTokens: 500_000,
    });
    assertEquals(count, 1, JSON.stringify(more));
  }
});

Deno.test("budgets: what the model reads elsewhere is reserved as a whole context", async () => {
  const elsewhere = [
    [{ type: "file", file: { file_id: "file_1" } }],
    [{ type: "image_url", image_url: { url: "https://a.test/x.png" } }],
  ];
  for (const content of elsewhere) {
    const body = { model: "gpt-4o", max_tokens: 1, messages: [{ role: "user", content }] };
    // 128,000 tokens at $2.50 a million are 32 cents.
    assertEquals((await forwarded(times(10, { body }), { reserve: "maximum" })).forwarded, 1);
    assertEquals((await forwarded(times(10, { body }), { reserve: "expected" })).forwarded, 4);
  }
});

Deno.test("budgets: short answers that a request cut do not lower what is expected of others", async () => {
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      const usage = { prompt_tokens: 1, completion_tokens: 1 };
      await write(plainAnswer(JSON.stringify({ model: "gpt-4o", usage }), JSON_TYPE));
    },
  });
  const backend = testBackend(upstream.origin, { key: KEY });
  const endpoints = [testEndpoint("openai", [backend], { priceProvider: "openai", reserve: "expected" })];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const teacher = await proxy.token();
  for (let count = 0; count < 25; count++) {
    const answer = await proxy.chat(teacher.value, { model: "gpt-4o", max_tokens: 1, messages });
    await answer.body?.cancel();
  }
  const { value } = await proxy.token(BUDGET);
  const answers = Array.from({ length: 10 }, () => proxy.chat(value, { model: "gpt-4o", messages }));
  const statuses = await Promise.all(answers.map(async (answer) => {
    const { status, body } = await answer;
    await body?.cancel();
    return status;
  }));
  assert(statuses.filter((status) => status === 200).length < 10, String(statuses));
});
