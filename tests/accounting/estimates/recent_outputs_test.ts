import { assertEquals } from "@std/assert";
import { RecentOutputs } from "../../../src/accounting/estimates/recent_outputs.ts";

Deno.test("RecentOutputs: what 95 of 100 recent answers do not exceed, once there are some, and never less than a floor", () => {
  const outputs = new RecentOutputs();
  const add = (count: number, tokens: number) => {
    for (let index = 0; index < count; index++) {
      outputs.add({ endpoint: "openai", model: "m", principal: "anna" }, tokens);
    }
  };
  add(19, 5_000);
  assertEquals(outputs.expected("openai", "m"), undefined);
  add(1, 9_000);
  assertEquals(outputs.expected("openai", "m"), 5_000);
  add(100, 10);
  assertEquals(outputs.expected("openai", "m"), 1_000);
  add(6, 20_000);
  assertEquals(outputs.expected("openai", "m"), 20_000);
  assertEquals(outputs.expected("other", "m"), undefined);
});
