import { assertEquals } from "@std/assert";
import { type PricedBackend, Pricer } from "../../src/accounting/cost.ts";
import { publishedPrices } from "../../src/accounting/published_prices.ts";

const pricer = new Pricer(publishedPrices());
const LOCAL: PricedBackend = { url: "http://127.0.0.1:11434", provider: "local", prices: [] };

function costOf(model: string, backend: Partial<PricedBackend> = {}, searches = 0) {
  return pricer.cost({ inputTokens: 1_000_000, outputTokens: 0, webSearches: searches }, {
    models: [model],
    backend: { ...LOCAL, ...backend },
    epochMs: Date.UTC(2026, 10, 29),
  });
}

Deno.test("Pricer: a local server costs nothing, whatever its models are called", () => {
  const free = { micros: 0, version: "local" };
  assertEquals(costOf("llama3.3"), free);
  assertEquals(costOf("gpt-4o"), free);
  assertEquals(costOf("gpt-4o", {}, 3), free);
  assertEquals(pricer.hasPrices(LOCAL), false);
  assertEquals(pricer.contextTokens("gpt-4o", LOCAL), Infinity);
});

Deno.test("Pricer: prices of the configuration, and a provider's address, win over a local server's", () => {
  const own = [{ matches: (model: string) => model === "rented", input: 2, output: 4 }];
  assertEquals(costOf("rented", { prices: own }), { micros: 2_000_000, version: "configuration" });
  assertEquals(costOf("llama3.3", { prices: own })?.micros, 0);
  assertEquals(costOf("gpt-4o-mini", { url: "https://api.openai.com/v1" })?.micros, 150_000);
  assertEquals(pricer.hasPrices({ ...LOCAL, url: "https://api.openai.com/v1" }), true);
});
