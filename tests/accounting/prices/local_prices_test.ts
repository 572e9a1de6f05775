import { assertEquals } from "@std/assert";
import { type PricedBackend, Pricer } from "../../../src/accounting/prices/cost.ts";
import { publishedPrices } from "../../../src/accounting/prices/published_prices.ts";

const pricer = new Pricer(publishedPrices());
const LOCAL: PricedBackend = { url: "http://127.0.0.1:11434", provider: "local", prices: [] };

function costOf(model: string, backend: Partial<PricedBackend> = {}, searches = 0) {
  const usage = { inputTokens: 1_000_000, outputTokens: 0, webSearches: searches };
  return pricer.at({ ...LOCAL, ...backend }).cost(usage, [model], Date.UTC(2026, 10, 29));
}

Deno.test("PlacePrices: a local server costs nothing, whatever its models are called", () => {
  const free = { micros: 0, version: "local" };
  assertEquals(costOf("llama3.3"), free);
  assertEquals(costOf("gpt-4o"), free);
  assertEquals(costOf("gpt-4o", {}, 3), free);
  assertEquals(pricer.at(LOCAL).isFree, true);
  assertEquals(pricer.at(LOCAL).contextTokens("gpt-4o"), Infinity);
});

Deno.test("PlacePrices: prices of the configuration, and a provider's address, win over `local` of a preset", () => {
  const own = [{ matches: (model: string) => model === "rented", input: 2, output: 4 }];
  assertEquals(costOf("rented", { prices: own }), { micros: 2_000_000, version: "configuration" });
  assertEquals(costOf("llama3.3", { prices: own })?.micros, 0);
  const guessed = { url: "https://api.openai.com/v1", isProviderGuessed: true };
  assertEquals(costOf("gpt-4o-mini", guessed)?.micros, 150_000);
  assertEquals(pricer.at({ ...LOCAL, ...guessed }).isFree, false);
  assertEquals(pricer.at({ ...LOCAL, prices: own }).isFree, false);
});

Deno.test("PlacePrices: `local` of the configuration costs nothing, even at the address of a provider", () => {
  const url = "https://api.openai.com/v1";
  assertEquals(costOf("gpt-4o", { url }), { micros: 0, version: "local" });
  assertEquals(pricer.at({ ...LOCAL, url }).isFree, true);
});
