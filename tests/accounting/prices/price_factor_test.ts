import { assertEquals } from "@std/assert";
import { priceFactor } from "../../../src/accounting/prices/price_factor.ts";

Deno.test("priceFactor: a tier costs what its provider charges, and an unknown one lowers no cost", () => {
  const cases: readonly (readonly [
    provider: string | undefined,
    reported: string | undefined,
    requested: string | undefined,
    factor: number,
  ])[] = [
    ["openai", undefined, undefined, 1],
    ["openai", "default", undefined, 1],
    ["openai", "flex", "flex", 0.5],
    ["openai", "priority", undefined, 2],
    // The provider may serve a request at a lower tier than the client asked for.
    ["openai", "default", "priority", 1],
    ["openai", undefined, "priority", 2],
    ["openai", "auto", "priority", 2],
    ["openai", undefined, "flex", 1],
    ["google", "flex", undefined, 0.5],
    ["aws", "priority", undefined, 1.75],
    ["aws", "flex", undefined, 0.5],
    ["anthropic", "fast", undefined, 6],
    ["groq", "flex", "flex", 1],
    ["groq", "on_demand", undefined, 1],
    ["groq", "a_new_tier", undefined, 1],
    [undefined, "flex", "flex", 1],
    [undefined, "priority", undefined, 2],
    ["groq", "batch", undefined, 0.5],
  ];
  for (const [provider, reported, requested, factor] of cases) {
    const name = `${provider} ${reported} ${requested}`;
    assertEquals(priceFactor({ reported, requested, provider }).factor, factor, name);
  }
});
