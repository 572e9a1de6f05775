/** The table of providers agrees with the rest of the program. */

import { assert, assertEquals } from "@std/assert";
import { DIALECT_NAMES, dialectOfClient, DIALECTS } from "../../src/apis/dialects.ts";
import { credentialHeader } from "../../src/config/credential_places.ts";
import {
  isOriginWith,
  isPriceProviderWith,
  keyFieldOf,
  type Preset,
  PRESET_NAMES,
  PRESETS,
} from "../../src/config/values/presets.ts";
import { PRICE_PROVIDERS } from "../../src/config/values/price_providers.ts";
import { VARIABLES } from "../../src/config/sources/variables.ts";

for (const name of PRESET_NAMES) {
  const preset: Preset = PRESETS[name];

  Deno.test(`PRESETS: the facts of ${name} fit the other tables`, () => {
    assert(
      isKeyHeader(keyFieldOf(preset)),
      `${keyFieldOf(preset)} has no line in src/config/credential_places.ts, so no request loses it`,
    );
    const { baseUrl, priceProvider, environment } = preset;
    if (baseUrl !== undefined) assert(!baseUrl.endsWith("/") && URL.canParse(baseUrl), baseUrl);
    if (priceProvider !== undefined) assert(PRICE_PROVIDERS.includes(priceProvider), priceProvider);
    const variables = ["BASE_URL", "API_KEY"].map((end) => environment && `${environment.prefix}_${end}`);
    for (const variable of variables) {
      assert(variable === undefined || VARIABLES.some((known) => known === variable), variable);
    }
  });
}

Deno.test("PRESETS: the properties of a provider hold at its origins, and under the name of its prices", () => {
  assertEquals(PRESET_NAMES.filter((name) => isOriginWith("isOpenAi", originOf(PRESETS[name]))), ["openai"]);
  const properties = (["isOpenAi", "obeysCompletionLimit"] as const).map((property) => ({
    origins: [
      "https://api.openai.com",
      "https://a.openai.azure.com",
      "https://a.services.ai.azure.com",
      "https://api.x.ai",
      "https://api.cerebras.ai",
      "https://api.mistral.ai",
      "https://api.openai.com.example",
      "http://127.0.0.1:11434",
    ].filter((origin) => isOriginWith(property, origin)),
    prices: ["openai", "azure", "groq", "cerebras", "x-ai", "xai", "openrouter", "mistral", "local"]
      .filter((name) => isPriceProviderWith(property, name)),
  }));
  assertEquals(properties, [
    {
      origins: ["https://api.openai.com", "https://a.openai.azure.com", "https://a.services.ai.azure.com"],
      prices: ["openai", "azure"],
    },
    {
      origins: [
        "https://api.openai.com",
        "https://a.openai.azure.com",
        "https://a.services.ai.azure.com",
        "https://api.x.ai",
        "https://api.cerebras.ai",
      ],
      prices: ["openai", "azure", "groq", "cerebras", "x-ai", "openrouter"],
    },
  ]);
});

Deno.test("dialectOfClient: the headers of a client show its dialect", () => {
  const shown = (...sent: string[]) => dialectOfClient((name) => sent.includes(name));
  assertEquals(shown(), "openai");
  assertEquals(shown("authorization"), "openai");
  assertEquals(shown("authorization", "anthropic-version"), "anthropic");
  assertEquals(shown("x-api-key", "x-goog-api-key"), "anthropic");
  assertEquals(shown("x-goog-api-key"), "gemini");
  for (const name of DIALECT_NAMES) {
    const { keyField } = DIALECTS[name];
    assert(isKeyHeader(keyField), `${name}: ${keyField} has no line in src/config/credential_places.ts`);
  }
});

Deno.test("Preset: a key header that is not in credential_places.ts does not compile", () => {
  const preset = { dialects: ["openai"], keyField: "x-unheard-key" } as const;
  // @ts-expect-error The proxy would not strip this header.
  const checked: Preset = preset;
  assert(!isKeyHeader(keyFieldOf(checked)));
});

/** Whether clients can hold a provider's key in a header, so that the proxy strips it. */
function isKeyHeader(lower: string): boolean {
  return credentialHeader(lower)?.of === "provider";
}

function originOf({ baseUrl }: Preset): string {
  return baseUrl === undefined ? "" : new URL(baseUrl).origin;
}
