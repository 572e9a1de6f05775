import { assertEquals } from "@std/assert";
import { publishedCost, type PublishedPrice } from "../../../src/accounting/prices/published_cost.ts";
import type { Usage } from "../../../src/accounting/usage/usage.ts";

/** A price at which a token costs a micro-dollar, and the usage that it was asked for. */
function priceOf(
  costOf: (usage: Readonly<Record<string, number>>) => number | undefined,
): { price: PublishedPrice; asked: Readonly<Record<string, number>>[] } {
  const asked: Readonly<Record<string, number>>[] = [];
  const price: PublishedPrice = {
    flat: undefined,
    contextTokens: undefined,
    pricesSearches: true,
    pricesTokens: true,
    isFreeFamily: false,
    kinds: new Set(),
    cost(usage) {
      asked.push(usage);
      return costOf(usage);
    },
  };
  return { price, asked };
}

const MICRO = 1e-6;
const USAGE: Usage = { inputTokens: 10, outputTokens: 3, cachedTokens: 8, inputAudioTokens: 4 };

Deno.test("publishedCost: a flat price is multiplied, unless the usage has parts that it does not cover", () => {
  const { price, asked } = priceOf(() => 1);
  const flat = { ...price, flat: { input: 1, output: 2 } };
  assertEquals(publishedCost({ inputTokens: 10, outputTokens: 3 }, flat, 0), 16);
  assertEquals(asked, []);
  assertEquals(publishedCost(USAGE, flat, 0), 1_000_000);
  assertEquals(asked.length, 1);
});

Deno.test("publishedCost: overlapping parts that the library rejects are counted once", () => {
  const { price, asked } = priceOf((usage) => {
    if ((usage["cache_read_tokens"] ?? 0) > 6) throw new Error("parts exceed the whole");
    return 5 * MICRO;
  });
  assertEquals(publishedCost(USAGE, price, 0), 5);
  assertEquals(asked.map((usage) => usage["cache_read_tokens"]), [8, 6]);
});

Deno.test("publishedCost: if the library rejects all parts, input and output alone are priced", () => {
  const { price, asked } = priceOf((usage) => {
    if ("input_audio_tokens" in usage) throw new Error("an unexpected kind");
    return 7 * MICRO;
  });
  assertEquals(publishedCost(USAGE, price, 0), 7);
  assertEquals(asked.at(-1), { input_tokens: 10, output_tokens: 3 });
});

Deno.test("publishedCost: no answer of the library is no cost", () => {
  for (const answer of [undefined, NaN, Infinity]) {
    assertEquals(publishedCost(USAGE, priceOf(() => answer).price, 0), undefined, String(answer));
  }
});

Deno.test("publishedCost: seconds of audio are tokens where the price is per token", () => {
  const { price } = priceOf(({ input_audio_tokens: tokens = 0 }) => tokens * MICRO);
  assertEquals(publishedCost({ inputAudioSeconds: 1.25 }, price, 0), 13);
});
