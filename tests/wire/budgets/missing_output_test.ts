/**
 * Output counts if a usage states only the input, and under a limit no client chooses the members of a
 * response.
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const TEXT = "word ".repeat(20_000);
const GENERATE = "/api/v1beta/models/gemini-2.5-pro:generateContent";
const STREAM = "/api/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse";
const BODY = JSON.stringify({ contents: [{ parts: [{ text: "hi" }] }] });
const events = (list: readonly unknown[]) => list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
const google = { dialect: "gemini", priceProvider: "google" } as const;

const INPUT_ONLY = {
  "a response": [GENERATE, {
    body: JSON.stringify({
      candidates: [{ content: { parts: [{ text: TEXT }] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 5 },
      modelVersion: "gemini-2.5-pro",
    }),
  }],
  "a stream": [STREAM, {
    type: "text/event-stream",
    body: events(Array.from({ length: 20 }, (_, i) => ({
      candidates: [{
        content: { parts: [{ text: TEXT.slice(0, 5_000) }] },
        ...(i === 19 && { finishReason: "STOP" }),
      }],
      usageMetadata: { promptTokenCount: 5 },
      modelVersion: "gemini-2.5-pro",
    }))),
  }],
} as const;
for (const [what, [path, reply]] of Object.entries(INPUT_ONLY)) {
  Deno.test(`budgets: the text of ${what} costs something if the usage states only the input`, async () => {
    await withBench(
      { answer: () => reply, ...google, rules: { budget: { total_usd: 0.01 } } },
      async (bench) => {
        const statuses: number[] = [];
        for (let i = 0; i < 3; i++) statuses.push((await bench.send(path, BODY)).status);
        assertEquals(statuses, [200, 429, 429]);
        // 20,000 words of output cost about 200,000 micro-dollars.
        assertGreater(await bench.spent(), 100_000);
      },
    );
  });
}

Deno.test("budgets: a response that a filter blocked costs only its prompt", async () => {
  await withBench({
    answer: () => ({
      body: JSON.stringify({
        promptFeedback: { blockReason: "SAFETY" },
        usageMetadata: { promptTokenCount: 1_000, totalTokenCount: 1_000 },
        modelVersion: "gemini-2.5-pro",
      }),
    }),
    ...google,
    rules: { budget: { total_usd: 1 } },
  }, async ({ send, spent }) => {
    assertEquals((await send(GENERATE, BODY)).status, 200);
    assertEquals(await spent(), 1_250);
  });
});

const EMBEDDINGS = {
  "of OpenAI": ["openai", "/api/v1/embeddings", {
    model: "text-embedding-3-small",
    usage: { prompt_tokens: 1_000, total_tokens: 1_000 },
  }],
  "of Cohere": ["cohere", "/api/v2/embed", {
    model: "embed-v4.0",
    meta: { billed_units: { input_tokens: 1_000 } },
  }],
  "of Ollama": ["ollama", "/api/api/embed", { model: "text-embedding-3-small", prompt_eval_count: 1_000 }],
} as const;
for (const [what, [provider, path, reply]] of Object.entries(EMBEDDINGS)) {
  Deno.test(`budgets: embeddings ${what} have no output that is missing`, async () => {
    const prices = [{
      model: "*",
      matches: () => true,
      input: 1,
      output: 1_000,
    }];
    await withBench({
      answer: () => ({ body: JSON.stringify(reply) }),
      priceProvider: provider === "ollama" ? "openai" : provider,
      endpoint: { prices },
      rules: { budget: { total_usd: 1 }, limits: { tokens_per_minute: 100_000 } },
    }, async ({ send, spent }) => {
      assertEquals((await send(path, JSON.stringify({ model: reply.model, input: "x" }))).status, 200);
      assertEquals(await spent(), 1_000);
    });
  });
}

const SHAPES: readonly (readonly [query: string, headers: Record<string, string>])[] = [
  ["?fields=candidates", {}],
  ["?%66ields=candidates", {}],
  ["?$fields=candidates", {}],
  ["?alt=sse&FIELDS=candidates", {}],
  ["?a=b;fields=candidates", {}],
  ["?alt=proto", {}],
  ["?alt=media", {}],
  ["?$alt=proto", {}],
  ["?callback=x", {}],
  ["?$ct=application/x-protobuf", {}],
  ["?$req=%7B%7D", {}],
  ["", { "x-goog-fieldmask": "candidates" }],
  ["", { "X-Goog-Encode-Response-If-Executable": "base64" }],
];
for (const rules of [{ budget: { total_usd: 1 } }, { limits: { tokens_per_minute: 1_000 } }]) {
  const limit = Object.keys(rules)[0];
  Deno.test(`budgets: under ${limit} no client chooses the form of a response`, async () => {
    await withBench({ answer: () => ({ body: "{}" }), ...google, rules }, async ({ send, upstream }) => {
      for (const [query, headers] of SHAPES) {
        const { status } = await send(GENERATE + query, BODY, { headers });
        assertEquals(status, 403, `${query} ${JSON.stringify(headers)}`);
        // Google also has these parameters at its interface for clients of OpenAI.
        const chat = JSON.stringify({ model: "gemini-2.5-pro", messages: [{ role: "user", content: "x" }] });
        const other = await send(`/api/v1beta/openai/chat/completions${query}`, chat, { headers });
        assertEquals(other.status, 403, `${query} ${JSON.stringify(headers)}`);
      }
      assertEquals(upstream.requests.length, 0);
    });
  });
}

Deno.test("budgets: harmless parameters pass under a budget, and every parameter passes without a limit", async () => {
  const answer = () => ({
    body: JSON.stringify({
      modelVersion: "gemini-2.5-pro",
      usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 5, totalTokenCount: 10 },
    }),
  });
  await withBench({ answer, ...google, rules: { budget: { total_usd: 1 } } }, async ({ send, spent }) => {
    for (const query of ["", "?alt=json", "?alt=sse&prettyPrint=false", "?$.xgafv=2", "?quotaUser=anna"]) {
      assertEquals((await send(GENERATE + query, BODY)).status, 200, query);
    }
    assertLess(await spent(), 1_000);
    const file = await send("/api/v1beta/files/abc:download?alt=media", undefined, { method: "GET" });
    assertEquals(file.status, 200);
  });
  await withBench({ answer, ...google, rules: {} }, async ({ send }) => {
    for (const [query, headers] of SHAPES) {
      assertEquals((await send(GENERATE + query, BODY, { headers })).status, 200, query);
    }
  });
});
