/** Inputs of few bytes and many tokens: what a client sends in few bytes is reserved as what it costs. */

import { assertEquals } from "@std/assert";
import { png } from "../../support/data/images.ts";
import { withBench } from "../../support/proxies/budget_bench.ts";
import { decisions } from "../../support/time/decisions.ts";

const BUDGET_MICROS = 50_000;
const REQUESTS = 20;
const image = `data:image/png;base64,${png({ width: 2048, height: 2048 }).toBase64()}`;
const pdf = new TextEncoder().encode(`%PDF-1.7${" ".repeat(2_000)}`).toBase64();
const chat = (content: unknown) => ({
  model: "gpt-4o-mini",
  max_tokens: 1,
  messages: [{ role: "user", content }],
});
const counted = (tokens: number) => ({
  model: "gpt-4o-mini",
  usage: { prompt_tokens: tokens, completion_tokens: 1 },
});

/** Each request costs at most as many tokens as the reply says, which is some $0.02. */
const CASES: Readonly<
  Record<string, readonly [path: string, provider: string, body: unknown, reply: unknown]>
> = {
  "text of rare characters": [
    "/api/v1/chat/completions",
    "openai",
    chat("\ue000\uf123\ufe70".repeat(13_000)),
    counted(117_000),
  ],
  "single letters": ["/api/v1/chat/completions", "openai", chat("b c d f ".repeat(30_000)), counted(120_000)],
  "small images with many pixels": [
    "/api/v1/chat/completions",
    "openai",
    chat(Array.from({ length: 5 }, () => ({ type: "image_url", image_url: { url: image } }))),
    counted(127_505),
  ],
  "a short PDF of many pages": ["/api/v1/messages", "anthropic", {
    model: "claude-3-haiku-20240307",
    max_tokens: 1,
    messages: [{
      role: "user",
      content: [{
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: pdf },
      }],
    }],
  }, { model: "claude-3-haiku-20240307", usage: { input_tokens: 180_000, output_tokens: 1 } }],
};

for (const [what, [path, provider, body, reply]] of Object.entries(CASES)) {
  Deno.test(`budgets: reserve = "maximum" lets one request exceed a budget: ${what}`, async () => {
    const { decide, all: decided } = decisions(REQUESTS);
    await withBench({
      answer: async () => {
        decide();
        await decided;
        return { body: JSON.stringify(reply) };
      },
      priceProvider: provider,
      endpoint: { reserve: "maximum" },
      rules: { budget: { total_usd: BUDGET_MICROS / 1e6 } },
    }, async ({ send, spent, rows }) => {
      const all = await Promise.all(Array.from({ length: REQUESTS }, async () => {
        const { status } = await send(path, JSON.stringify(body));
        if (status !== 200) decide();
        return status;
      }));
      assertEquals(all.includes(200) && all.includes(429), true);
      const each = Number((await rows()).find((row) => row.cost_micros !== null)?.cost_micros);
      const micros = await spent();
      assertEquals(micros <= BUDGET_MICROS + each, true, `spent ${micros}, each ${each}`);
    });
  });
}
