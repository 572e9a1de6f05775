/** A list of prices that changes while a request runs. */

import { assertEquals } from "@std/assert";
import { ExchangeCosts } from "../../../src/accounting/exchange_costs.ts";
import { type PriceLibrary, Pricer } from "../../../src/accounting/prices/cost.ts";
import { EndpointPrices } from "../../../src/accounting/prices/endpoint_prices.ts";
import { openPrices, publishedPrices } from "../../../src/accounting/prices/published_prices.ts";
import { RecentOutputs } from "../../../src/accounting/estimates/recent_outputs.ts";
import { RecentSpeeds } from "../../../src/accounting/estimates/recent_speeds.ts";
import { copiedList, modelIn, providerIn } from "../../support/data/price_lists.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";

Deno.test("a request that was admitted costs its price, although a new list lacks its model", () => {
  const library = publishedPrices();
  const backend = testBackend("https://api.openai.com");
  const endpoint = testEndpoint("o", [backend], { priceProvider: "openai" });
  const costsBy = (pricer: Pricer) =>
    new ExchangeCosts(endpoint, {
      startedAt: Date.now(),
      prices: new EndpointPrices(pricer, endpoint),
      outputs: new RecentOutputs(),
      speeds: new RecentSpeeds(),
    });
  const pricer = new Pricer(library);
  const costs = costsBy(pricer);
  const candidates = [{ backend, model: "gpt-4o", outputTokens: 1000 }];
  assertEquals(costs.unpricedModel(candidates), undefined);
  const nothing = () => undefined;
  pricer.use({
    version: "2",
    knows: () => false,
    providerAt: nothing,
    priceOf: nothing,
    providerOf: nothing,
  });
  const reserved = { statedTokens: 0, inputTokens: 1000, outputTokens: 1000, candidates };
  assertEquals(costs.reservation(reserved, {}).micros, 12_500);
  assertEquals(costsBy(pricer).unpricedModel(candidates), "gpt-4o");
});

Deno.test("an earlier list has its own prices also of models that are first looked up after a swap", async () => {
  const dear = await copiedList((list) => {
    modelIn(list, "openai", "gpt-4o-mini").prices.output_mtok = 60;
    const openai = providerIn(list, "openai");
    openai.models = openai.models.filter(({ id }: { id: string }) => id !== "gpt-4o");
  });
  const before = await openPrices(undefined);
  const after = await openPrices({ date: "2026-12-01", version: "dear", providers: dear });
  try {
    const costs = (library: PriceLibrary) =>
      ["gpt-4o", "gpt-4o-mini"].map((model) =>
        library.priceOf(model, "openai")?.cost({ output_tokens: 1_000_000 }, new Date())
      );
    assertEquals([costs(before), costs(after)], [[10, 0.6], [undefined, 60]]);
    assertEquals(before.knows("openai"), true);
  } finally {
    await openPrices(undefined);
  }
});
