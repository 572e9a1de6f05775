import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../src/cli/command_error.ts";
import { rulesBody } from "../../src/cli/manage/rule_options.ts";

Deno.test("--model-limit: a model, a colon and limits become the members of the management API", () => {
  const body = rulesBody({
    budgetWeek: "7",
    modelLimit: ["gpt-5*:tokens-per-minute=10000,budget-day=2.5", "llama3:8b: concurrent-requests=1"],
  });
  assertEquals(body, {
    budget: { week_usd: 7 },
    model_limits: [
      { model: "gpt-5*", tokens_per_minute: 10000, budget: { day_usd: 2.5 } },
      { model: "llama3:8b", concurrent_requests: 1 },
    ],
  });
  assertEquals(rulesBody({ modelLimit: [] }), {});
  assertEquals(rulesBody({ modelLimit: ["none"] }), { model_limits: null });
});

for (
  const text of ["gpt-5", "gpt-5:", ":budget-day=1", "gpt-5:max-requests=1", "gpt-5:budget-day=much", "a:b"]
) {
  Deno.test(`--model-limit: ${JSON.stringify(text)} is a wrong usage`, () => {
    const { exitCode, message } = assertThrows(() => rulesBody({ modelLimit: [text] }), CommandError);
    assertEquals([exitCode, message.startsWith("--model-limit: ")], [2, true], message);
  });
}
