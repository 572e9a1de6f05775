/** The makers of models in the table of providers agree with the published prices. */

import { assert, assertEquals } from "@std/assert";
import { builtInProviders } from "../../../src/accounting/prices/published_prices.ts";
import { type Preset, PRESET_NAMES, PRESETS } from "../../../src/config/values/presets.ts";

/** Models of another maker and open models, which Google's cloud sells, and names that no API takes. */
const NOT_MADE = /^(?:gemini (?:claude-|gemma-)|openai (?:computer-use|moderation)$)/;

Deno.test("PRESETS: a provider makes the models that it alone sells, and no maker takes another one's", async () => {
  const providers = await builtInProviders();
  const makers = PRESET_NAMES.map((name): [string, Preset] => [name, PRESETS[name]])
    .filter(([, { makes }]) => makes !== undefined);
  const models = makers.flatMap(([name, { priceProvider = name }]) =>
    providers.find(({ id }) => id === priceProvider)?.models.map(({ id }) => ({ id, name })) ?? []
  ).filter(({ id, name }) => !NOT_MADE.test(`${name} ${id}`));
  assert(models.length > 200, "the list was read");
  assertEquals(
    models.filter(({ id, name }) =>
      JSON.stringify(makers.filter(([, { makes }]) => makes?.test(id)).map(([maker]) => maker)) !==
        JSON.stringify([name])
    ),
    [],
  );
});
