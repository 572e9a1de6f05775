import { assertEquals } from "@std/assert";
import { flatCost } from "../../../src/accounting/prices/flat_cost.ts";

const PRICE = { input: 2, output: 10 };

Deno.test("flatCost: a part without its own price costs what the whole costs", () => {
  const usage = { inputTokens: 100, outputTokens: 10, cachedTokens: 40, reasoningTokens: 6 };
  assertEquals(flatCost(usage, PRICE), 100 * 2 + 10 * 10);
  assertEquals(flatCost(usage, { ...PRICE, cached: 1, reasoning: 20 }), 60 * 2 + 40 * 1 + 6 * 20 + 4 * 10);
});

Deno.test("flatCost: parts that exceed their whole cost no more than the whole", () => {
  const usage = { inputTokens: 10, inputAudioTokens: 8, inputImageTokens: 8 };
  assertEquals(flatCost(usage, { ...PRICE, inputAudio: 3, inputImage: 5 }), 8 * 3 + 2 * 5);
});

Deno.test("flatCost: audio without tokens costs its hours, or ten tokens for each second", () => {
  assertEquals(flatCost({ inputAudioSeconds: 1_800 }, { ...PRICE, audioHour: 0.36 }), 180_000);
  assertEquals(flatCost({ inputAudioSeconds: 3 }, { ...PRICE, inputAudio: 4 }), 120);
  assertEquals(flatCost({ inputAudioSeconds: 3, inputTokens: 7 }, PRICE), 14, "its tokens are reported");
});

Deno.test("flatCost: searches cost their price per thousand", () => {
  assertEquals(
    flatCost({ webSearches: 2, fileSearches: 1 }, { ...PRICE, webSearches: 5, fileSearches: 2 }),
    12_000,
  );
});
