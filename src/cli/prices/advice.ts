/** Warnings about models that have no price. */

import type { Config } from "../../config/config.ts";
import type { ProbeResult } from "../../forwarding/probe.ts";

/** Returns warnings about the prices of a configuration, and of the models that its backends listed. */
export async function pricesAdvice(
  { endpoints, management }: Config,
  results: readonly ProbeResult[],
): Promise<string[]> {
  // Only the management plane uses prices, and the library is large.
  if (management === undefined) return [];
  const { endpointsAdvice } = await import("../../accounting/prices/price_advice.ts");
  const { openPrices } = await import("../../accounting/prices/published_prices.ts");
  const { tryPrices } = await import("../../accounting/prices/load_prices.ts");
  const { pricesFile } = management;
  const { list, problem } = pricesFile === undefined ? {} : await tryPrices(pricesFile);
  const offered = new Map<string, string[]>();
  for (const { endpoint, modelNames } of results) {
    offered.set(endpoint, [...offered.get(endpoint) ?? [], ...modelNames]);
  }
  return [
    ...problem === undefined ? [] : [`${pricesFile?.path} ${problem}`],
    ...endpointsAdvice(endpoints, await openPrices(list), offered),
  ];
}
