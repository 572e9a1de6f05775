import { assertEquals } from "@std/assert";
import { type MadeAt, MadePrices } from "../../../src/accounting/settlement/made_prices.ts";
import { EndpointPrices } from "../../../src/accounting/prices/endpoint_prices.ts";
import { publishedPrices } from "../../../src/accounting/prices/published_prices.ts";
import { RecentOutputs } from "../../../src/accounting/estimates/recent_outputs.ts";
import { RecentSpeeds } from "../../../src/accounting/estimates/recent_speeds.ts";
import { ExchangeCosts } from "../../../src/accounting/exchange_costs.ts";
import { OBJECT_LIFETIME_MS } from "../../../src/storage/booking.ts";

const MADE: MadeAt = {
  costs: new ExchangeCosts(undefined, {
    startedAt: 0,
    prices: new EndpointPrices({ library: publishedPrices() }, undefined),
    outputs: new RecentOutputs(),
    speeds: new RecentSpeeds(),
  }),
  backend: undefined,
};

function objectAt(madeAt: number) {
  const expiresAt = madeAt + OBJECT_LIFETIME_MS;
  return { endpoint: "openai", id: `resp_${madeAt}`, providerAccount: undefined, madeAt, expiresAt };
}

Deno.test("MadePrices: an object that has expired keeps no old list of prices in memory", () => {
  const prices = new MadePrices();
  const day = OBJECT_LIFETIME_MS / 30;
  for (let age = 0; age < 100; age++) prices.add(objectAt(age * day), MADE);
  const known = Array.from({ length: 100 }, (_, age) => prices.of(objectAt(age * day)) !== undefined);
  assertEquals(known.lastIndexOf(false), 69);
  assertEquals(known.filter((isKnown) => isKnown).length, 30);
});

Deno.test("MadePrices: the latest 1,000 objects are known", () => {
  const prices = new MadePrices();
  for (let madeAt = 0; madeAt < 1_500; madeAt++) prices.add(objectAt(madeAt), MADE);
  assertEquals(prices.of(objectAt(499)), undefined);
  assertEquals(prices.of(objectAt(500))?.costs, MADE.costs);
});
