/**
 * Clients choose the names of models, and cannot make the proxy forget what it learned from other clients.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { ModelTable } from "../../../src/accounting/estimates/model_table.ts";
import { RecentOutputs } from "../../../src/accounting/estimates/recent_outputs.ts";
import { RecentSpeeds, USUAL_TOKENS_PER_MS } from "../../../src/accounting/estimates/recent_speeds.ts";

for (const [what, endpoint] of [["another", "llamacpp"], ["the same", "openai"]] as const) {
  Deno.test(`RecentOutputs: 5,000 names of one client at ${what} endpoint do not raise the reservations of others`, () => {
    const outputs = new RecentOutputs();
    const learned = { endpoint: "openai", model: "gpt-4o", principal: "ben" };
    for (let i = 0; i < 100; i++) outputs.add(learned, 300);
    assertEquals(outputs.expected("openai", "gpt-4o"), 1_000);
    // llama.cpp answers to any name. The client also uses the model of the other client.
    outputs.add({ ...learned, principal: "anna" }, 300);
    for (let i = 0; i < 5_000; i++) outputs.add({ endpoint, model: `name-${i}`, principal: "anna" }, 1);
    assertEquals(outputs.expected("openai", "gpt-4o"), 1_000);
  });
}

Deno.test("RecentSpeeds: 5,000 names of one client do not lower the estimates of a fast model", () => {
  const speeds = new RecentSpeeds();
  for (let i = 0; i < 10; i++) {
    speeds.add("fast", "gpt-oss-120b", { principal: "ben", tokens: 2_000, durationMs: 1_000 });
  }
  assertEquals(speeds.tokensPerMs("fast", "gpt-oss-120b"), 2);
  for (let i = 0; i < 5_000; i++) {
    speeds.add("llamacpp", `name-${i}`, { principal: "anna", tokens: 100, durationMs: 100 });
  }
  assertGreater(speeds.tokensPerMs("fast", "gpt-oss-120b"), USUAL_TOKENS_PER_MS);
});

Deno.test("ModelTable: of many names of one client the oldest one is forgotten, and a used one is not old", () => {
  const table = new ModelTable<number>();
  const use = (model: string, value: number) =>
    table.use({ endpoint: "a", model, principal: "anna" }, () => value);
  for (let i = 0; i < 50; i++) use(`name-${i}`, i);
  assertEquals(use("name-0", -1), 0);
  use("name-50", 50);
  assertEquals(table.get("a", "name-0"), 0);
  assertEquals(table.get("a", "name-1"), undefined);
  assertEquals(table.get("a", "name-50"), 50);
});

Deno.test("ModelTable: a full table forgets names of the client that keeps the most", () => {
  const table = new ModelTable<number>();
  table.use({ endpoint: "a", model: "kept", principal: "ben" }, () => 1);
  for (let client = 0; client < 50; client++) {
    for (let i = 0; i < 50; i++) {
      table.use({ endpoint: "a", model: `${client} ${i}`, principal: `client-${client}` }, () => 2);
    }
  }
  assertEquals(table.get("a", "kept"), 1);
  assertEquals(table.get("a", "49 49"), 2);
});
