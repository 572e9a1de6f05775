import { assertEquals } from "@std/assert";
import { addRawUsage, type RawUsage, usageOf } from "../../src/accounting/usage.ts";

Deno.test("addRawUsage: the greatest of each number, whatever comes last", () => {
  const raw: RawUsage = new Map();
  addRawUsage(raw, { input_tokens: 25, output_tokens: 9, cache_read_input_tokens: 3 });
  addRawUsage(raw, { input_tokens: 0, output_tokens: 15 });
  addRawUsage(raw, { output_tokens: 1 });
  assertEquals(usageOf(raw), { inputTokens: 28, outputTokens: 15, cachedTokens: 3 });
});

Deno.test("addRawUsage: what is no number of tokens is none", () => {
  const raw: RawUsage = new Map();
  for (
    const value of [null, "5", [], 7, { prompt_tokens: -1 }, { prompt_tokens: 1.5 }, { prompt_tokens: 1e300 }]
  ) {
    addRawUsage(raw, value);
  }
  addRawUsage(raw, { a: { b: { c: { d: 5 } } } });
  assertEquals([usageOf(raw), raw.size], [{}, 0]);
  addRawUsage(raw, Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, 1])));
  assertEquals(raw.size, 64, "bounded");
});
