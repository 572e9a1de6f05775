/** Published prices, by `@pydantic/genai-prices`: its data is part of the program, nothing is fetched. */

import { calcPrice, findProvider, type Provider } from "@pydantic/genai-prices";
import project from "../../deno.json" with { type: "json" };
import type { PriceLibrary } from "./cost.ts";

const SPECIFIER = project.imports["@pydantic/genai-prices"];
const MAX_MODELS = 1_000;

/** Opens the library. */
export function publishedPrices(): PriceLibrary {
  // To find a model among hundreds takes longer than to price it.
  const found = new Map<string, Provider | undefined>();
  const providerOf = (model: string, providerId: string): Provider | undefined => {
    const key = `${providerId} ${model}`;
    if (!found.has(key)) {
      if (found.size >= MAX_MODELS) found.clear();
      const match = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId });
      found.set(key, match === null ? undefined : { ...match.provider, models: [match.model] });
    }
    return found.get(key);
  };
  return {
    version: SPECIFIER.replace(/^npm:@pydantic\//, "").replace("@", " "),
    providerAt: (url) => findProvider({ providerApiUrl: url })?.id,
    price(usage, model, providerId, at) {
      const provider = providerOf(model, providerId);
      if (provider === undefined) return undefined;
      return calcPrice({ ...usage }, model, { provider, timestamp: at })?.total_price;
    },
  };
}
