/** The price of a service tier is that of the provider: a client cannot halve or hide it. */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const messages = [{ role: "user", content: "x" }];

Deno.test("costs: Groq's flex tier costs as much as its standard tier", async () => {
  const costs: number[] = [];
  for (const tier of ["on_demand", "flex"]) {
    await withBench({
      answer: (_request, body) => ({
        body: JSON.stringify({
          model: "llama-3.3-70b-versatile",
          choices: [{ message: { content: "x" }, finish_reason: "stop" }],
          usage: { prompt_tokens: 100_000, completion_tokens: 10_000, total_tokens: 110_000 },
          // Groq states the tier that the request named.
          service_tier: JSON.parse(new TextDecoder().decode(body)).service_tier,
        }),
      }),
      priceProvider: "groq",
      rules: { budget: { total_usd: 10 } },
    }, async ({ send, spent }) => {
      const body = JSON.stringify({ model: "llama-3.3-70b-versatile", messages, service_tier: tier });
      await send("/api/openai/v1/chat/completions", body);
      costs.push(await spent());
    });
  }
  assertEquals(costs[1], costs[0]);
});

for (
  const [what, body, headers] of [
    ["serviceTier of Converse", { serviceTier: { type: "priority" } }, {}],
    ["the header of Bedrock", {}, { "x-amzn-bedrock-service-tier": "priority" }],
  ] as const
) {
  Deno.test(`costs: Bedrock's priority tier costs more than its standard tier: ${what}`, async () => {
    const costs: number[] = [];
    for (const isPriority of [false, true]) {
      await withBench({
        answer: () => ({
          headers: isPriority ? { "x-amzn-bedrock-service-tier": "priority" } : {},
          body: JSON.stringify({
            output: { message: { role: "assistant", content: [{ text: "x" }] } },
            stopReason: "end_turn",
            usage: { inputTokens: 100_000, outputTokens: 10_000, totalTokens: 110_000 },
            ...(isPriority && { serviceTier: { type: "priority" } }),
          }),
        }),
        priceProvider: "aws",
        rules: { budget: { total_usd: 10 } },
      }, async ({ send, spent }) => {
        const sent = JSON.stringify({
          messages: [{ role: "user", content: [{ text: "x" }] }],
          ...(isPriority && body),
        });
        const { status, text } = await send("/api/model/amazon.nova-pro-v1:0/converse", sent, {
          headers: isPriority ? headers : {},
        });
        if (status !== 200) throw new Error(text);
        costs.push(await spent());
      });
    }
    assertEquals((costs[1] ?? 0) > (costs[0] ?? 0), true);
  });
}

const CHAT = { model: "gpt-5-mini", messages };
/**
 * Requests and responses with tiers, and what they cost: 100,000 tokens of input at the standard tier 25,000.
 */
const TIERS: Record<
  string,
  [provider: string, body: unknown, reply: Record<string, unknown>, micros: number]
> = {
  "no tier": ["openai", CHAT, {}, 25_000],
  "OpenAI's flex tier": ["openai", { ...CHAT, service_tier: "flex" }, { service_tier: "flex" }, 12_500],
  "OpenAI's priority tier": [
    "openai",
    { ...CHAT, service_tier: "priority" },
    { service_tier: "priority" },
    50_000,
  ],
  "a flex tier that a response does not confirm": ["openai", { ...CHAT, service_tier: "flex" }, {}, 25_000],
  "a response that names the tier of batches": ["openai", CHAT, { service_tier: "batch" }, 25_000],
  "a cost that the provider states": [
    "openrouter",
    { ...CHAT, model: "openai/gpt-5-mini", service_tier: "flex" },
    { service_tier: "flex", cost: 0.03 },
    30_000,
  ],
};
for (const [what, [priceProvider, body, { cost, ...reply }, micros]] of Object.entries(TIERS)) {
  Deno.test(`costs: ${what}`, async () => {
    const usage = { prompt_tokens: 100_000, completion_tokens: 0, total_tokens: 100_000, cost };
    await withBench({
      answer: () => ({ body: JSON.stringify({ model: "gpt-5-mini", usage, ...reply }) }),
      priceProvider,
      rules: { budget: { total_usd: 10 } },
    }, async ({ send, spent }) => {
      assertEquals((await send("/api/v1/chat/completions", JSON.stringify(body))).status, 200);
      assertEquals(await spent(), micros);
    });
  });
}
