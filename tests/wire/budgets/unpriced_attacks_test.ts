/** Ways to a response without a known cost under a budget, and honest requests beside them. */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };
const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;

const says = (answer: unknown): Script => async ({ body, write }) => {
  for await (const _ of body()) { /* all of it */ }
  await write(plainAnswer(JSON.stringify(answer), JSON_TYPE));
};

interface Sent {
  readonly path: string;
  readonly body: unknown;
  readonly method?: string;
  readonly provider?: string;
  readonly prices?: Endpoint["prices"];
}

async function send(
  { path, body, method = "POST", provider = "openai", prices }: Sent,
  answer: unknown = { model: "unpriced", usage: { prompt_tokens: 1_000, completion_tokens: 4_000 } },
): Promise<{ status: number; sent: number; spent: number; text: string }> {
  await using upstream = new FakeUpstream({ script: says(answer) });
  const endpoints = [
    testEndpoint("p", [testBackend(upstream.origin, { key: KEY })], {
      priceProvider: provider,
      ...(prices && { prices }),
    }),
  ];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { id, value } = await proxy.token({ budget: { total_usd: 100 } });
  const response = await fetch(`${proxy.url}/p${path}`, {
    method,
    headers: { authorization: `Bearer ${value}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const { body: { spent } } = await proxy.api("GET", `/tokens/${id}`);
  return { status: response.status, sent: upstream.requests.length, spent: spent.total_micros, text };
}

const PROMPT = { id: "pmpt_1" };
for (
  const [what, path, body] of [
    ["a variable of a stored prompt", "/v1/responses", {
      prompt: { ...PROMPT, variables: { model: "gpt-4o-mini" } },
    }],
    ["a member of a function", "/v1/responses", {
      prompt: PROMPT,
      tools: [{ type: "function", name: "f", parameters: {}, model: "gpt-4o-mini" }],
    }],
    ["a member of another member", "/v1/responses", {
      prompt: PROMPT,
      model: null,
      text: { model: "gpt-4o-mini" },
    }],
    ["a member that images ignore", "/v1/images/generations", {
      prompt: "x",
      x: { model: "gpt-image-1-mini" },
    }],
  ] as const
) {
  Deno.test(`a budget rejects a request that names a model only in ${what}`, async () => {
    const { status, sent, text } = await send({ path, body });
    assertEquals([status, sent], [403, 0], text);
  });
}

Deno.test("a budget admits a model that a list, an object or another key of the outermost object names", async () => {
  for (
    const body of [
      { models: ["openai/gpt-4o-mini"] },
      { model: null, models: ["gpt-4o-mini"] },
      { model_id: "gpt-4o-mini" },
      { metadata: { model: "x" }, model: "gpt-4o-mini" },
    ]
  ) {
    const { status, text } = await send({ path: "/v1/chat/completions", body: { ...body, messages: [] } });
    assertEquals(status, 200, text);
  }
});

for (
  const path of [
    "/v1/chat/completions%3f/moderations",
    "/v1/chat/completions%23/moderations",
    "/v1/chat/completions%EF%BC%9F/moderations",
  ]
) {
  Deno.test(`a budget rejects a path that is free only if nobody decodes it: ${path}`, async () => {
    const { status, sent, text } = await send({ path, body: { model: "unpriced", messages: [] } });
    assertEquals([status, sent], [400, 0], text);
  });
}

for (const method of ["DELETE", "OPTIONS"]) {
  Deno.test(`a budget rejects a model without a price in the body of ${method}`, async () => {
    const body = { model: "unpriced", messages: [] };
    const { status, sent, text } = await send({ path: "/v1/chat/completions", body, method });
    assertEquals([status, sent], [403, 0], text);
  });
}

for (const path of ["/v1/moderations", "/v1/chat/moderations"]) {
  Deno.test(`a budget rejects Mistral's moderations, which cost their tokens: ${path}`, async () => {
    const body = { model: "mistral-moderation-latest", input: "x" };
    const { status, sent, text } = await send({ path, body, provider: "mistral" });
    assertEquals([status, sent], [403, 0], text);
  });
}

Deno.test("a budget admits OpenAI's moderations, with and without a model", async () => {
  for (const body of [{ model: "omni-moderation-latest", input: "x" }, { input: "x" }]) {
    const { status, spent, text } = await send({ path: "/v1/moderations", body }, {
      model: "omni-moderation-latest",
      results: [],
    });
    assertEquals([status, spent], [200, 0], text);
  }
});

Deno.test("a budget rejects a model that the list of prices has without any price, although it is not free", async () => {
  const { status, sent } = await send({
    path: "/v1/chat/completions",
    body: { model: "qwen-3-coder-480b", messages: [] },
    provider: "cerebras",
  });
  assertEquals([status, sent], [403, 0]);
});

for (
  const [what, model] of [
    ["a folder follows", "gemma-3-27b-it/unpriced"],
    ["nothing shows of what follows", `gemma-3-${"a".repeat(200)}/unpriced`],
  ] as const
) {
  Deno.test(`a budget rejects a name that begins like a free one, and ${what}`, async () => {
    const path = "/v1beta/openai/chat/completions";
    const { status, sent, text } = await send({ path, body: { model, messages: [] }, provider: "google" });
    assertEquals([status, sent], [403, 0], text);
  });
}

Deno.test("a budget admits Gemma at Google, and Vertex AI's count of tokens for Anthropic's models", async () => {
  const anthropic = "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict";
  for (
    const [path, body] of [
      ["/v1beta/models/gemma-3-27b-it:generateContent", { contents: [] }],
      ["/v1beta/openai/chat/completions", { model: "google/gemma-3-27b-it", messages: [] }],
      ["/v1beta/openai/chat/completions", { model: "models/gemma-3n-e4b-it", messages: [] }],
      [anthropic, { model: "claude-sonnet-4-5", messages: [] }],
    ] as const
  ) {
    const { status, spent, text } = await send({ path, body, provider: "google" }, { input_tokens: 5 });
    assertEquals([status, spent], [200, 0], text);
  }
});

for (const priced of ["gpt-4o", "*"]) {
  Deno.test(`a budget counts a response of a local server by the price of its request: ${priced}`, async () => {
    const { status, spent } = await send({
      path: "/v1/chat/completions",
      body: { model: "gpt-4o", messages: [] },
      provider: "local",
      prices: [{ matches: (name) => priced === "*" || name === priced, input: 1, output: 1 }],
    }, { model: "gpt-4o-2024-08-06", usage: { prompt_tokens: 1_000, completion_tokens: 1_000 } });
    assertEquals([status, spent], [200, 2_000]);
  });
}

const ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A";
for (
  const [provider, path, body] of [
    ["aws", `/model/${ARN}inference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse`, {}],
    ["aws", `/model/${ARN}foundation-model%2Fanthropic.claude-3-5-sonnet-20240620-v1%3A0/invoke`, {}],
    ["aws", `/model/${ARN}custom-model%2Famazon.nova-lite-v1%3A0%2Fabc/converse-stream`, {}],
    ["aws", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens", { input: {} }],
    ["google", "/v1beta/models/gemini-2.5-flash%3AgenerateContent", { contents: [] }],
    ["google", "/v1beta/models/gemini-2.5-flash%3AcountTokens", { contents: [] }],
    ["azure", "/models/chat/completions", { model: "gpt-4o", messages: [] }],
    ["azure", "/models/embeddings", { model: "text-embedding-3-small", input: ["x"] }],
    ["openrouter", "/api/v1/chat/completions", {
      model: "openai/gpt-4o",
      messages: [],
      plugins: [{ id: "file-parser", pdf: { engine: "pdf-text" } }],
    }],
  ] as const
) {
  Deno.test(`a budget admits ${path} at ${provider}`, async () => {
    const { status, text } = await send({ path, body, provider });
    assertEquals(status, 200, text);
  });
}

Deno.test("a budget admits an agent of Mistral with a price in the configuration", async () => {
  const { status, text, spent } = await send({
    path: "/v1/agents/completions",
    body: { agent_id: "ag:1", messages: [] },
    provider: "mistral",
    prices: [{ matches: (name) => name === "ag:1", input: 1, output: 1 }],
  });
  assertEquals([status, spent], [200, 5_000], text);
});

for (
  const path of [
    "/model/arn:aws:x/v1/batches%3f/converse",
    "/model/arn%3Aaws%2Fv1%2Fmessages%2Fbatches%3f/count-tokens",
    "/v1/batches%3f/models/x%3AcountTokens",
  ]
) {
  Deno.test(`a budget rejects a path that is cheap only if nobody decodes it: ${path}`, async () => {
    const { status, sent } = await send({ path, body: { model: "gpt-4o", messages: [] } });
    assertEquals([status, sent], [400, 0]);
  });
}
