/** The cost of a session in which only other models worked. */

import { assertEquals } from "@std/assert";
import { type BackendPrices, chargeReported } from "../../src/accounting/charge.ts";

const PRICES: BackendPrices = {
  cost: ({ inputTokens }) => inputTokens === undefined ? undefined : { micros: inputTokens, version: "1" },
  isGuessed: false,
  contextTokens: () => Infinity,
};
const KNOWN = { model: "a", usage: { inputTokens: 5 } };
const UNKNOWN = { model: "b", usage: {} };

for (const steps of [[KNOWN, UNKNOWN], [UNKNOWN, KNOWN]]) {
  Deno.test(`a step without a known cost makes no other step free: ${steps.map(({ model }) => model)}`, () => {
    const { cost } = chargeReported({ usage: {}, steps }, [], PRICES);
    assertEquals(cost, { micros: 5, version: "1", isPartial: true });
  });
}
