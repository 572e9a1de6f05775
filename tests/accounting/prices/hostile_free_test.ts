/** Lists of prices whose entries make names free in other ways than without a price. */

import { assertEquals } from "@std/assert";
import { Pricer } from "../../../src/accounting/prices/cost.ts";
import { checkPriceData } from "../../../src/accounting/prices/price_data.ts";
import { openPrices } from "../../../src/accounting/prices/published_prices.ts";

const TIERS = { base: 0, tiers: [] };
const PRICES = {
  none: {},
  zero: { input_mtok: 0, output_mtok: 0 },
  tiers: { input_mtok: TIERS, output_mtok: TIERS },
  tier: { input_mtok: { base: 0, tiers: [{ start: 1_000_000, price: 0 }] }, output_mtok: 0 },
  sound: { input_mtok: 0, output_mtok: 0, input_audio_mtok: 1 },
};

Deno.test("prices: an entry that matches a part of names frees none of them, however it says so", async () => {
  const models = Object.entries(PRICES).map(([id, prices]) => ({
    id,
    match: { contains: `-${id}-` },
    prices,
  }));
  const { providers } = checkPriceData([{
    id: "openai",
    name: "OpenAI",
    api_pattern: "https://api\\.openai\\.com",
    models,
  }]);
  try {
    const library = await openPrices({ date: "2026-12-01", version: "test", providers });
    const at = new Pricer(library).at({ url: "http://gateway", provider: "openai", prices: [] });
    assertEquals(Object.keys(PRICES).filter((id) => at.hasPrice(`big-${id}-model`)), []);
  } finally {
    await openPrices(undefined);
  }
});
