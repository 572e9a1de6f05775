import { assertEquals } from "@std/assert";
import { endpointsAdvice, modelAdvice } from "../../../src/accounting/prices/price_advice.ts";
import { publishedPrices } from "../../../src/accounting/prices/published_prices.ts";
import { UnpricedModels } from "../../../src/accounting/prices/unpriced_models.ts";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { exchangeRow } from "../../support/data/rows.ts";

const library = publishedPrices();
const FAR = "https://llm.example.test";

function endpoint(name: string, origin: string, options: Partial<Endpoint> = {}): Endpoint {
  return testEndpoint(name, [testBackend(origin, { name: "one" })], options);
}

Deno.test("modelAdvice: it names the provider and the setting of a known model at an unknown address", () => {
  const adviceAt = (at: Endpoint, model: string) => {
    const [backend] = at.backends;
    return backend && modelAdvice({ endpoint: at, backend, model }, library);
  };
  assertEquals(
    adviceAt(endpoint("openai", FAR), "gpt-4o"),
    `gpt-4o has no price at openai (${FAR}); if openai bills it, set endpoints.openai.price_provider = "openai" ` +
      "(OPENAI_PRICE_PROVIDER=openai)",
  );
  assertEquals(
    adviceAt(endpoint("team", FAR), "claude-sonnet-4-5"),
    `claude-sonnet-4-5 has no price at team (${FAR}); if anthropic bills it, ` +
      'set endpoints.team.price_provider = "anthropic"',
  );
  assertEquals(adviceAt(endpoint("openai", FAR), "our-own-model"), undefined);
  assertEquals(adviceAt(endpoint("openai", FAR, { priceProvider: "groq" }), "gpt-4o"), undefined);
  assertEquals(adviceAt(endpoint("openai", FAR, { priceProvider: "local" }), "gpt-4o"), undefined);
  assertEquals(adviceAt(endpoint("groq", "https://api.groq.com"), "gpt-4o"), undefined);
  const own = [{ matches: (model: string) => model === "gpt-4o", input: 0, output: 0 }];
  assertEquals(adviceAt(endpoint("openai", FAR, { prices: own }), "gpt-4o"), undefined);
});

Deno.test("endpointsAdvice: an address of a private network gets the setting by which it costs nothing", () => {
  const nothing = (at: string) =>
    `nothing has a price at desk (${at}), so tokens with a budget cannot use it; `;
  for (
    const at of [
      "http://127.0.0.1:8000",
      "http://192.168.1.7:8000",
      "http://[fd00::7]:8000",
      "http://desk.lan",
    ]
  ) {
    assertEquals(endpointsAdvice([endpoint("desk", at)], library), [
      `${nothing(at)}if it costs nothing, set endpoints.desk.price_provider = "local"`,
    ]);
  }
  assertEquals(endpointsAdvice([endpoint("desk", FAR)], library), [
    `${nothing(FAR)}set endpoints.desk.price_provider or prices`,
  ]);
  assertEquals(
    endpointsAdvice([endpoint("desk", "http://127.0.0.1:8000", { priceProvider: "local" })], library),
    [],
  );
  assertEquals(endpointsAdvice([endpoint("openai", "https://api.openai.com")], library), []);
});

Deno.test("endpointsAdvice: the models that backends tell and that replace others are looked for, by provider", () => {
  const model = { byName: new Map([["fast", "gpt-4o-mini"]]), otherwise: undefined };
  const team = testEndpoint("team", [testBackend(FAR, { model })]);
  const offered = new Map([["team", ["gpt-4o", "gpt-4.1", "gpt-5", "claude-sonnet-4-5", "llama"]]]);
  assertEquals(endpointsAdvice([team], library, offered), [
    `gpt-4o-mini, gpt-4o, gpt-4.1 and 1 more have no price at team (${FAR}); if openai bills it, ` +
    'set endpoints.team.price_provider = "openai"',
    `claude-sonnet-4-5 has no price at team (${FAR}); if anthropic bills it, ` +
    'set endpoints.team.price_provider = "anthropic"',
  ]);
});

Deno.test("UnpricedModels: once for each endpoint and model, and no more than a hundred times", () => {
  const said: string[] = [];
  const unpriced = new UnpricedModels(({ endpoint, detail }) =>
    void said.push(`${endpoint}: ${detail.split(" ")[0]}`)
  );
  const at = endpoint("openai", FAR);
  const ended = (more: Parameters<typeof exchangeRow>[0]) =>
    unpriced.ended(
      exchangeRow({
        endpoint: "openai",
        backend: "one",
        costMicros: undefined,
        inputTokens: 1,
        ...more,
      }),
      at,
      library,
    );
  ended({ modelAsked: "gpt-4o", modelAnswered: "gpt-4o-2024-08-06" });
  ended({ modelAsked: "gpt-4o", modelAnswered: "gpt-4o-2024-08-06" });
  ended({ modelAsked: "gpt-4.1", modelAnswered: "a deployment of ours" });
  ended({ modelAsked: "gpt-4o-mini", modelAnswered: undefined, costMicros: 0 });
  ended({ modelAsked: "nobody's", modelAnswered: undefined });
  ended({ modelAsked: "gpt-4o", modelAnswered: undefined, inputTokens: undefined, outputTokens: undefined });
  assertEquals(said, ["openai: gpt-4o-2024-08-06", "openai: gpt-4.1"]);
  for (let number = 0; number < 500; number++) {
    ended({ modelAsked: undefined, modelAnswered: `claude-sonnet-4-5-${number}` });
  }
  assertEquals(said.length, 100);
});
