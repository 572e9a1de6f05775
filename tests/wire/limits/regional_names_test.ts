/** A limit for a model covers the names that the same provider accepts for the same model. */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const MODEL = "anthropic.claude-sonnet-4-20250514-v1:0";
const ARN = "arn:aws:bedrock:us-east-1:123456789012:";
const NAMES = [
  MODEL,
  `us.${MODEL}`,
  `eu.${MODEL}`,
  `us-gov.${MODEL}`,
  `global.${MODEL}`,
  `${ARN}inference-profile/us.${MODEL}`,
  `arn:aws:bedrock:us-east-1::foundation-model/${MODEL}`,
];
for (const name of NAMES) {
  Deno.test(`model limits: a budget for anthropic.claude* covers ${name}`, async () => {
    await withBench({
      answer: () => ({
        body: JSON.stringify({
          output: { message: { content: [{ text: "x" }] } },
          stopReason: "end_turn",
          usage: { inputTokens: 10_000, outputTokens: 10_000, totalTokens: 20_000 },
        }),
      }),
      priceProvider: "aws",
      rules: { model_limits: [{ model: "anthropic.claude*", budget: { total_usd: 0.01 } }] },
    }, async ({ send }) => {
      let passed = 0;
      for (let i = 0; i < 5; i++) {
        const path = `/api/model/${encodeURIComponent(name)}/converse`;
        const { status, text } = await send(
          path,
          JSON.stringify({ messages: [{ role: "user", content: [{ text: "x" }] }] }),
        );
        if (status === 200) passed++;
        else if (status !== 429) throw new Error(text);
      }
      assertEquals(passed, 1);
    });
  });
}

Deno.test("model limits: a resource that may be any model needs a limit of its own", async () => {
  const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "x" }] }] });
  const path = `/api/model/${encodeURIComponent(`${ARN}application-inference-profile/abc123`)}/converse`;
  const answer = () => ({ body: "{}" });
  const limits = { requests_per_minute: 5 };
  for (const [model, expected] of [["anthropic.claude*", 403], ["abc*", 200], ["*", 200]] as const) {
    const rules = { model_limits: [{ model, ...limits }] };
    await withBench({ answer, priceProvider: "aws", rules }, async ({ send }) => {
      assertEquals((await send(path, body)).status, expected, model);
    });
  }
});
