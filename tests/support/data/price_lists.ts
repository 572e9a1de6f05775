/** Lists of prices in the library's format, made of the built-in one. */

import type { Provider } from "@pydantic/genai-prices";
import { builtInProviders } from "../../../src/accounting/prices/published_prices.ts";

// Lists are changed in ways that their type forbids.
// deno-lint-ignore no-explicit-any
export type LooseList = any[];

/** A copy of the built-in list as a data file holds it. */
export async function copiedList(change: (list: LooseList) => void = () => {}): Promise<LooseList> {
  const list: LooseList = JSON.parse(JSON.stringify(await builtInProviders()));
  change(list);
  return list;
}

/** A provider of a list. */
// deno-lint-ignore no-explicit-any
export function providerIn(list: LooseList, id: string): any {
  return list.find((provider: Provider) => provider.id === id);
}

/** A model of a provider of a list. */
// deno-lint-ignore no-explicit-any
export function modelIn(list: LooseList, provider: string, id: string): any {
  return providerIn(list, provider).models.find((model: { id: string }) => model.id === id);
}
