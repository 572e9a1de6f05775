import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { calcPrice } from "@pydantic/genai-prices";
import { checkPriceData, PriceDataError } from "../../../src/accounting/prices/price_data.ts";
import { isNamedBy, priceChanges } from "../../../src/accounting/prices/price_changes.ts";
import { PRICE_KINDS } from "../../../src/accounting/prices/price_kinds.ts";
import { BUILT_IN_PRICES, parsePriceFile, priceFileText } from "../../../src/accounting/prices/price_list.ts";
import {
  BUILT_IN_VERSION,
  builtInProviders,
  openPrices,
} from "../../../src/accounting/prices/published_prices.ts";
import { Pricer } from "../../../src/accounting/prices/cost.ts";
import { copiedList, type LooseList, modelIn, providerIn } from "../../support/data/price_lists.ts";

const AT = new Date("2026-11-29T12:00:00Z");

async function problemsOf(change: (list: LooseList) => void): Promise<readonly string[]> {
  const list = await copiedList(change);
  return assertThrows(() => checkPriceData(list), PriceDataError).problems;
}

Deno.test("checkPriceData: the built-in list passes as it is", async () => {
  const { providers, unknownKinds, leftOut } = checkPriceData(await copiedList());
  assertEquals([unknownKinds, leftOut], [[], []]);
  assertEquals(providers.length, (await builtInProviders()).length);
  assertEquals(priceChanges(await builtInProviders(), providers, { at: AT }), {
    added: [],
    removed: [],
    changed: [],
    providers: [],
    renamed: 0,
  });
});

Deno.test("checkPriceData: every problem at once, with its provider and model", async () => {
  assertEquals(
    await problemsOf((list) => {
      const prices = (id: string) => modelIn(list, "openai", id).prices;
      prices("gpt-4o").input_mtok = -1;
      prices("gpt-4o").output_mtok = 1e9;
      prices("gpt-4o-mini").input_mtok = "1";
      prices("gpt-4.1").input_mtok = { base: 1, tiers: [{ start: -5, price: 2 }] };
      modelIn(list, "groq", "gemma2-9b-it").match = { regex: "(a+)+$" };
      providerIn(list, "zai").api_pattern = ".*";
      providerIn(list, "x-ai").api_pattern = "(";
      providerIn(list, "avian").id = "Avian\u001b[2J";
    }),
    [
      "Avian\\x1b[2J: id is not an id of lower-case letters, digits, - and _",
      "groq/gemma2-9b-it: match repeats a group, which can take very long",
      "openai/gpt-4.1: prices.input_mtok.tiers.0.start is not a number of tokens",
      "openai/gpt-4o: prices.input_mtok is negative: -1",
      "openai/gpt-4o: prices.output_mtok is 1000000000: more than 10000 US dollars",
      "openai/gpt-4o-mini: prices.input_mtok is not a number",
      "x-ai: api_pattern is not a regular expression",
      "zai: api_pattern matches URLs of other servers",
    ],
  );
});

Deno.test("checkPriceData: a value that is not a list, an id that occurs twice, and a price that the library cannot compute", async () => {
  for (const value of [null, {}, "x", [], [1]]) assertThrows(() => checkPriceData(value), PriceDataError);
  assertEquals(await problemsOf((list) => void list.push(providerIn(list, "openai"))), [
    "openai occurs twice",
  ]);
  const [problem = ""] = await problemsOf((list) => {
    modelIn(list, "openai", "gpt-4o").prices = { input_mtok: 1, output_mtok: 1, cache_write_1h_mtok: 2 };
  });
  assertEquals(problem, "openai/gpt-4o: Missing ancestor price key cache_write_mtok for cache_write_1h_mtok");
  const [constraint = ""] = await problemsOf((list) => {
    modelIn(list, "openai", "gpt-4o").prices = [{ prices: { input_mtok: 1 } }, {
      constraint: { start_date: "2026-99-99" },
      prices: { input_mtok: 1 },
    }];
  });
  assert(constraint.startsWith("openai/gpt-4o: Expected a start-date"), constraint);
  let deep: unknown = { equals: "x" };
  for (let depth = 0; depth < 100_000; depth++) deep = { or: [deep] };
  assertEquals(await problemsOf((list) => void (modelIn(list, "openai", "gpt-4o").match = deep)), [
    "openai/gpt-4o: match is nested too deeply",
  ]);
});

Deno.test("checkPriceData: unknown kinds of prices are left out, and a model that has no others is too", async () => {
  const { providers, unknownKinds, leftOut } = checkPriceData(
    await copiedList((list) => {
      modelIn(list, "openai", "gpt-4o").prices.holograms_mtok = 3;
      modelIn(list, "openai", "gpt-4o-mini").prices = { holograms_mtok: 3 };
    }),
  );
  assertEquals([unknownKinds, leftOut], [["holograms_mtok"], ["openai/gpt-4o-mini"]]);
  assertEquals(modelIn(providers, "openai", "gpt-4o-mini"), undefined);
  assertEquals("holograms_mtok" in modelIn(providers, "openai", "gpt-4o").prices, false);
});

Deno.test("checkPriceData: a model that would be free at some times for its unknown kinds is left out; one that is free is not", async () => {
  const named = (prices: unknown) =>
    copiedList((list) => void (modelIn(list, "openai", "gpt-4o").prices = prices as never)); // a broken list
  const known = { input_mtok: 1, output_mtok: 2 };
  const atNight = { constraint: { type: "time_of_date", start_time: "16:30:00Z", end_time: "00:30:00Z" } };
  const times = (night: unknown) => [{ ...atNight, prices: night }, { prices: known }];
  const leftOut = async (prices: unknown) => checkPriceData(await named(prices)).leftOut;
  assertEquals(await leftOut(times({ moon_mtok: 1 })), ["openai/gpt-4o"], "at one of two times");
  assertEquals(await leftOut(times({ input_mtok: 1, output_mtok: 1, moon_mtok: 1 })), []);
  assertEquals(await leftOut(times({})), [], "free at one of two times");
  assertEquals(await leftOut({}), [], "free");
});

Deno.test("PRICE_KINDS: the library knows each of them, and says so of no other", () => {
  const said: string[] = [];
  const { warn } = console;
  console.warn = (text: string) => void said.push(text);
  try {
    for (const kind of [...PRICE_KINDS, "holograms_mtok"]) {
      const models = [{ id: "m", match: { equals: "m" }, prices: { [kind]: 1 } }];
      try {
        calcPrice({}, "m", { provider: { id: "p", name: "p", api_pattern: "p", models } });
      } catch {
        // It wants another kind beside this one, which it knows then.
      }
    }
  } finally {
    console.warn = warn;
  }
  assertEquals(said, ["Unsupported price key for standard pricing: holograms_mtok"]);
});

Deno.test("BUILT_IN_PRICES: its day belongs to the version of the library that is pinned", () => {
  assertEquals(BUILT_IN_VERSION, `genai-prices ${BUILT_IN_PRICES.libraryVersion}`);
});

Deno.test("parsePriceFile: what was written is read again; an older or a foreign file is not", async () => {
  const { providers } = checkPriceData(await copiedList());
  const text = priceFileText({ date: "2026-11-29", providers });
  const list = await parsePriceFile(text);
  assert(/^genai-prices 2026-11-29 [0-9a-f]{8}$/.test(list.version), list.version);
  assertEquals(list.providers.length, providers.length);
  const problem = async (text: string) =>
    (await assertRejects(() => parsePriceFile(text), PriceDataError)).message;
  assertEquals(
    await problem(priceFileText({ date: "2026-09-22", providers })),
    "is dated 2026-09-22, and the built-in prices are dated 2026-09-23",
  );
  assertEquals(await problem(JSON.stringify(providers)), "is not a file that llm-proxy prices update wrote");
  assertEquals(await problem(text.slice(0, -20)), "is not JSON");
});

Deno.test("priceChanges: models that come, go and cost something else, and providers at other addresses", async () => {
  const after = await copiedList((list) => {
    modelIn(list, "openai", "gpt-4o-mini").prices.input_mtok = 0.5;
    providerIn(list, "openai").models.push({
      id: "gpt-99",
      match: { equals: "gpt-99" },
      prices: { input_mtok: 1, output_mtok: { base: 2, tiers: [{ start: 1_000, price: 4 }] } },
    });
    providerIn(list, "groq").models = providerIn(list, "groq").models.filter(({ id }: { id: string }) =>
      id !== "gemma2-9b-it"
    );
    providerIn(list, "zai").api_pattern = "https://other\\.example";
  });
  const changes = priceChanges(await builtInProviders(), after, { at: AT });
  assertEquals(changes.changed, [{
    provider: "openai",
    model: "gpt-4o-mini",
    before: { input: 0.15, output: 0.6, cached: 0.075, varies: false },
    after: { input: 0.5, output: 0.6, cached: 0.075, varies: false },
  }]);
  assertEquals(changes.added, [{
    provider: "openai",
    model: "gpt-99",
    price: { input: 1, output: 2, cached: undefined, varies: true },
  }]);
  assertEquals(changes.removed.map(({ provider, model }) => `${provider}/${model}`), ["groq/gemma2-9b-it"]);
  assertEquals(changes.providers, [
    "zai moved from https://api\\.z\\.ai to https://other\\.example",
  ]);
  const change = { provider: "openai", model: "gpt-4o-mini" };
  assertEquals(isNamedBy(change, ["llama3", "gpt-4o-mini-2024-07-18"], after), true);
  assertEquals(isNamedBy(change, ["gpt-4o"], after), false);
});

Deno.test("openPrices: another list holds from then on, says so beside each cost, and can be given back", async () => {
  const pricer = new Pricer(await openPrices(undefined));
  const place = { url: "https://api.openai.com/v1", provider: undefined, prices: [] };
  const cost = () => pricer.at(place).cost({ inputTokens: 1_000_000 }, ["gpt-4o-mini"], AT.getTime());
  assertEquals(cost(), { micros: 150_000, version: BUILT_IN_VERSION });
  const { providers } = checkPriceData(
    await copiedList((list) => void (modelIn(list, "openai", "gpt-4o-mini").prices.input_mtok = 0.5)),
  );
  const list = await parsePriceFile(priceFileText({ date: "2026-11-29", providers }));
  pricer.use(await openPrices(list));
  assertEquals(cost(), { micros: 500_000, version: list.version });
  pricer.use(await openPrices(undefined));
  assertEquals(cost(), { micros: 150_000, version: BUILT_IN_VERSION });
});
