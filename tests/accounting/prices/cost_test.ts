import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { calcPrice, findProvider, type MatchLogic } from "@pydantic/genai-prices";
import { type PricedBackend, Pricer } from "../../../src/accounting/prices/cost.ts";
import { builtInProviders, publishedPrices } from "../../../src/accounting/prices/published_prices.ts";
import type { Usage } from "../../../src/accounting/usage/usage.ts";
import type { Price } from "../../../src/config/config.ts";
import { matchesAny } from "../../../src/text/glob.ts";
import { modelSpellings } from "../../../src/text/model_spellings.ts";
import { random } from "../../support/data/random.ts";

const AT = Date.UTC(2026, 3, 29, 12);
const pricer = new Pricer(publishedPrices());

function cost(usage: Usage, models: readonly string[], backend: Partial<PricedBackend> = {}) {
  const place = { url: "https://api.openai.com/v1", provider: undefined, prices: [], ...backend };
  return pricer.at(place).cost(usage, models, AT);
}

Deno.test("PlacePrices: a known model of a known address, with the price's version", () => {
  const version = publishedPrices().version;
  assert(/^genai-prices \d+\.\d+\.\d+$/.test(version), version);
  assertEquals(cost({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, ["gpt-4o-mini"]), {
    micros: 750_000,
    version,
  });
  assertEquals(cost({ inputTokens: 1000, cachedTokens: 400, outputTokens: 0 }, ["gpt-4o-mini"])?.micros, 120);
  assertEquals(
    cost({ inputTokens: 5946, cachedTokens: 1800, cacheWriteTokens: 2051, outputTokens: 503 }, [
      "claude-sonnet-4-5-20250929",
    ], { url: "https://api.anthropic.com" })?.micros,
    Math.round(2095 * 3 + 1800 * 0.3 + 2051 * 3.75 + 503 * 15),
  );
});

Deno.test("PlacePrices: the model that answered, else the one that was asked for", () => {
  const usage = { inputTokens: 1_000_000 };
  assertEquals(cost(usage, ["gpt-4o-mini", "gpt-4o"])?.micros, 150_000);
  assertEquals(cost(usage, ["a deployment of ours", "gpt-4o-mini"])?.micros, 150_000);
});

Deno.test("PlacePrices: what is not known is unknown, not zero", () => {
  const usage = { inputTokens: 10, outputTokens: 10 };
  assertEquals(cost(usage, ["no-such-model"]), undefined);
  assertEquals(cost(usage, []), undefined);
  assertEquals(
    cost(usage, ["gpt-4o"], { url: "http://192.168.1.20:11434/v1" }),
    undefined,
    "a server of one's own",
  );
  assertEquals(cost({}, ["gpt-4o"]), undefined, "no usage was told");
});

Deno.test("PlacePrices: usage for which the library throws is priced without its parts, and is not free", () => {
  const usage = { inputTokens: 1_000_000, cachedTokens: 2_000_000, outputTokens: 0, reasoningTokens: 5 };
  assertEquals(cost(usage, ["gpt-4o-mini"])?.micros, 150_000);
});

Deno.test("PlacePrices: cached sound costs no less than sound, and seconds are tokens where a model is priced by those", () => {
  const session = { inputTokens: 100_000, inputAudioTokens: 90_000, outputTokens: 20_000 };
  const uncached = cost(session, ["gpt-realtime"])?.micros ?? 0;
  const cached = cost({ ...session, cachedTokens: 80_000 }, ["gpt-realtime"])?.micros ?? 0;
  assert(cached > uncached * 0.9, `${cached} and ${uncached}`);
  assertEquals(cost({ inputAudioSeconds: 600 }, ["gpt-4o-transcribe"])?.micros, 6_000 * 6);
  assertEquals(cost({ inputAudioSeconds: 600 }, ["whisper-1"])?.micros, 60_000);
});

Deno.test("PlacePrices: what the provider states wins over published prices, and own prices over that", () => {
  const usage = { inputTokens: 1_000_000, statedCostMicros: 7.6 };
  assertEquals(cost(usage, ["gpt-4o-mini"]), { micros: 8, version: "provider" });
  const prices = [{ matches: () => true, input: 2, output: 2 }];
  assertEquals(cost(usage, ["gpt-4o-mini"], { prices })?.micros, 2_000_000);
});

Deno.test("PlacePrices: searches cost what the library says, and what has no price makes a cost partial", () => {
  const usage = { inputTokens: 0, outputTokens: 0, webSearches: 3 };
  assertEquals(cost(usage, ["gpt-4o"])?.isPartial, undefined);
  assertEquals(cost(usage, ["gpt-4o"])?.micros, 30_000);
  assertEquals(cost({ inputTokens: 1, unpricedUnits: 1 }, ["gpt-4o"])?.isPartial, true);
});

Deno.test("PlacePrices: an address that tells nothing can be given a provider", () => {
  const gateway = { url: "https://gateway.example", provider: "openai" };
  assertEquals(cost({ inputTokens: 1_000_000 }, ["gpt-4o-mini"], gateway)?.micros, 150_000);
});

Deno.test("PlacePrices: own prices win, the first that matches", () => {
  const price = (pattern: string, input: number) => ({
    matches: (model: string) => matchesAny([pattern], model),
    input,
    output: 2,
    cached: 0.5,
  });
  const prices = [price("gpt-4o-mini", 1), price("gpt-*", 3)];
  const usage = { inputTokens: 100, cachedTokens: 40, cacheWriteTokens: 10, outputTokens: 10 };
  assertEquals(cost(usage, ["gpt-4o-mini"], { prices }), {
    micros: 50 * 1 + 40 * 0.5 + 10 * 1 + 10 * 2,
    version: "configuration",
  });
  assertEquals(cost({ inputTokens: 100 }, ["gpt-5", "gpt-4o-mini"], { prices })?.micros, 300);
  assertEquals(cost({ inputTokens: 100 }, ["local"], { prices, url: "http://x" }), undefined);
});

const FULL: Price = {
  input: 1,
  output: 2,
  cached: 0.5,
  cacheWrite: 1.25,
  cacheWriteHour: 2.5,
  inputAudio: 10,
  cachedAudio: 5,
  outputAudio: 20,
  inputImage: 3,
  cachedImage: 0.25,
  outputImage: 30,
  inputVideo: 4,
  reasoning: 6,
  citation: 7,
  audioHour: 0.36,
  webSearches: 10,
  fileSearches: 2.5,
};
/** Usage, and what it costs at these prices, and where they have but input and output. */
const OWN_COSTS: readonly (readonly [usage: Usage, full: number, plain: number])[] = [
  [{ inputTokens: 100, outputTokens: 10 }, 100 + 20, 120],
  [{ inputTokens: 100, cacheWriteTokens: 60, cacheWriteHourTokens: 20 }, 40 + 40 * 1.25 + 20 * 2.5, 100],
  [{ inputTokens: 100, inputAudioTokens: 60 }, 40 + 600, 100],
  [
    { inputTokens: 100, inputAudioTokens: 60, cachedTokens: 40, cachedAudioTokens: 30 },
    30 + 30 * 10 + 10 * 0.5 + 30 * 5,
    100,
  ],
  // Where nobody says which part of the sound was cached, no token counts twice.
  [{ inputTokens: 100, inputAudioTokens: 100, cachedTokens: 50 }, 50 * 10 + 50 * 0.5, 100],
  [{ inputTokens: 100, inputImageTokens: 50, cachedTokens: 20, cachedImageTokens: 20 }, 50 + 90 + 5, 100],
  [{ inputTokens: 100, inputVideoTokens: 10 }, 90 + 40, 100],
  [{ inputTokens: 0, outputTokens: 100, outputAudioTokens: 50 }, 50 * 2 + 50 * 20, 200],
  [{ inputTokens: 0, outputTokens: 100, outputImageTokens: 50 }, 50 * 2 + 50 * 30, 200],
  [{ inputTokens: 0, outputTokens: 100, reasoningTokens: 50, citationTokens: 10 }, 80 + 300 + 70, 200],
  [{ inputAudioSeconds: 60 }, 6_000, 600],
  [{ inputTokens: 1, webSearches: 3, fileSearches: 2 }, 1 + 30_000 + 5_000, 1],
];

Deno.test("PlacePrices: own prices have all kinds that published ones have, each at its price or at that of the whole", () => {
  const matches = () => true;
  for (const [usage, full, plain] of OWN_COSTS) {
    const shown = JSON.stringify(usage);
    const all = cost(usage, ["m"], { prices: [{ ...FULL, matches }] });
    assertEquals(all, { micros: Math.round(full), version: "configuration" }, shown);
    const few = cost(usage, ["m"], { prices: [{ input: 1, output: 2, matches }] });
    const isPartial = usage.webSearches !== undefined;
    assertEquals(few, { micros: plain, version: "configuration", ...(isPartial && { isPartial }) }, shown);
  }
});

Deno.test("PlacePrices: the short way comes to what the library says, for every model it knows", () => {
  const { below } = random(7);
  let compared = 0;
  const providers = [
    "openai",
    "anthropic",
    "google",
    "groq",
    "mistral",
    "deepseek",
    "x-ai",
    "openrouter",
    "azure",
    "cohere",
  ];
  for (const providerId of providers) {
    for (const { id, prices } of findProvider({ providerId })?.models ?? []) {
      const kinds = (Array.isArray(prices) ? prices.map((one) => one.prices) : [prices]).flatMap(Object.keys);
      const pricesTokens = kinds.length === 0 || kinds.some((kind) => kind.endsWith("_mtok"));
      for (let round = 0; round < 4; round++) {
        const inputTokens = below(500_000);
        const cachedTokens = below(2) === 0 ? 0 : below(inputTokens + 1);
        const cacheWriteTokens = below(2) === 0 ? 0 : below(inputTokens - cachedTokens + 1);
        const outputTokens = below(50_000);
        let dollars: number | undefined;
        try {
          dollars = calcPrice(
            {
              input_tokens: inputTokens,
              output_tokens: outputTokens,
              ...(cachedTokens > 0 && { cache_read_tokens: cachedTokens }),
              ...(cacheWriteTokens > 0 && { cache_write_tokens: cacheWriteTokens }),
            },
            id,
            { providerId, timestamp: new Date(AT) },
          )?.total_price;
        } catch {
          dollars = undefined;
        }
        const ours = cost({ inputTokens, cachedTokens, cacheWriteTokens, outputTokens }, [id], {
          provider: providerId,
        });
        // For the library, tokens of a model that is priced by the hour cost nothing. OpenAI's entry without
        // prices matches every name that contains "moderation".
        const isPriced = pricesTokens && id !== "moderation";
        const wanted = dollars === undefined || !isPriced ? undefined : dollars * 1_000_000;
        assertEquals(ours === undefined, wanted === undefined, `${providerId} ${id}`);
        if (ours && wanted !== undefined) {
          assert(
            Math.abs(ours.micros - wanted) <= 1,
            `${providerId} ${id}: ${ours.micros} instead of ${wanted}`,
          );
        }
        compared++;
      }
    }
  }
  assert(compared > 2_000, String(compared));
});

Deno.test("PlacePrices: no name of a priced model becomes free by text around it", async () => {
  const providers = await builtInProviders();
  let compared = 0;
  for (const { id: provider, models } of providers) {
    const { free = [], priced = [] } = Object.groupBy(
      models,
      ({ prices }) => Object.keys(prices).length === 0 ? "free" : "priced",
    );
    const words = new Set(free.flatMap(({ match }) => textsOf(match)));
    // These are other models: `deepseek-chat:free`.
    const named = new Set(free.flatMap(({ match, id }) => [id, ...textsOf(match)]));
    for (const word of words) {
      for (const { id } of priced.slice(0, 20)) {
        if (cost({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, [id], { provider })?.micros === 0) {
          continue;
        }
        for (const name of [`${id}:${word}`, `${word}/${id}`, `${word}${id}`, `${id}-${word}`]) {
          if (modelSpellings(name).some((spelling) => named.has(spelling))) continue;
          const found = cost({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, [name], { provider });
          const isFamily = name.startsWith(word) && !name.includes("/");
          if (!isFamily) assertNotEquals(found?.micros, 0, `${provider} ${name}`);
          compared++;
        }
      }
    }
  }
  assert(compared > 2_000, String(compared));
});

/** The texts that a condition of the list compares names with. */
function textsOf(match: MatchLogic): string[] {
  if ("or" in match) return match.or.flatMap(textsOf);
  if ("and" in match) return match.and.flatMap(textsOf);
  return Object.values(match);
}
