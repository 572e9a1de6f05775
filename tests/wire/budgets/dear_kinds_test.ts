/**
 * The reservation is that of the dearest tokens that a request can use: audio output, and input that is
 * written to a cache.
 */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";
import { decisions } from "../../support/time/decisions.ts";

const cases: Record<string, [path: string, provider: string, body: unknown, reply: unknown]> = {
  "audio output": ["/api/v1/chat/completions", "openai", {
    model: "gpt-audio",
    max_tokens: 1_000,
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "mp3" },
    messages: [{ role: "user", content: "Sing" }],
  }, {
    model: "gpt-audio",
    usage: {
      prompt_tokens: 10,
      completion_tokens: 1_000,
      completion_tokens_details: { audio_tokens: 1_000 },
    },
  }],
  "images of a model that also writes text": [
    "/api/v1beta/models/gemini-3-pro-image-preview:generateContent",
    "google",
    {
      contents: [{ parts: [{ text: "Draw" }] }],
      generationConfig: { maxOutputTokens: 2_000 },
    },
    {
      modelVersion: "gemini-3-pro-image-preview",
      usageMetadata: {
        promptTokenCount: 5,
        candidatesTokenCount: 2_000,
        totalTokenCount: 2_005,
        candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 2_000 }],
      },
    },
  ],
  "input that is cached for an hour": ["/api/v1/messages", "anthropic", {
    model: "claude-sonnet-5",
    max_tokens: 16,
    messages: [{
      role: "user",
      content: [{
        type: "text",
        text: "word ".repeat(40_000),
        cache_control: { type: "ephemeral", ttl: "1h" },
      }],
    }],
  }, {
    model: "claude-sonnet-5",
    usage: {
      input_tokens: 10,
      output_tokens: 16,
      cache_creation_input_tokens: 50_000,
      cache_creation: { ephemeral_1h_input_tokens: 50_000 },
    },
  }],
};
for (const [what, [path, provider, body, reply]] of Object.entries(cases)) {
  Deno.test(`budgets: reserve = "maximum" lets one request exceed a budget: ${what}`, async () => {
    const { decide, all: decided } = decisions(20);
    await withBench({
      answer: async () => {
        decide();
        await decided;
        return { body: JSON.stringify(reply) };
      },
      priceProvider: provider,
      endpoint: { reserve: "maximum" },
      rules: { budget: { total_usd: 0.11 } },
    }, async ({ send, spent, rows }) => {
      await Promise.all(Array.from({ length: 20 }, async () => {
        const { status } = await send(path, JSON.stringify(body));
        if (status !== 200) decide();
        return status;
      }));
      const each = Number((await rows()).find((row) => row.cost_micros !== null)?.cost_micros);
      const micros = await spent();
      assertEquals(micros <= 110_000 + each, true, `spent ${micros}`);
    });
  });
}

Deno.test("budgets: input that no request marks for the cache is reserved at its plain price", async () => {
  const { decide, all: decided } = decisions(2);
  const usage = { input_tokens: 10, output_tokens: 16 };
  await withBench({
    answer: async () => {
      decide();
      await decided;
      return { body: JSON.stringify({ model: "claude-sonnet-5", usage }) };
    },
    priceProvider: "anthropic",
    endpoint: { reserve: "maximum" },
    // The input of one request costs at most $0.4, and $0.5 with a write to the cache.
    rules: { budget: { total_usd: 0.45 } },
  }, async ({ send }) => {
    const messages = [{ role: "user", content: "word ".repeat(40_000) }];
    const body = JSON.stringify({ model: "claude-sonnet-5", max_tokens: 16, messages });
    const both = await Promise.all([send("/api/v1/messages", body), send("/api/v1/messages", body)]);
    assertEquals(both.map(({ status }) => status), [200, 200]);
  });
});
