import { assert, assertEquals, assertRejects } from "@std/assert";
import { findProvider, waitForUpdate } from "@pydantic/genai-prices";
import { loadConfig } from "../../src/config/load.ts";
import {
  LOCAL_PRICES,
  PRICE_PROVIDER_ALIASES,
  PRICE_PROVIDERS,
} from "../../src/config/values/price_providers.ts";
import { ConfigError } from "../../src/config/problem.ts";

const GOOD = {
  OPENAI_BASE_URL: "https://llm.example.test/v1",
  OPENAI_API_KEY: "sk-openai",
  ANTHROPIC_BASE_URL: "https://api.anthropic.com",
  ANTHROPIC_API_KEY: "sk-anthropic",
  PROXY_TOKEN: "a-token-of-some-length",
};

function load(env: Record<string, string>, file?: string) {
  const all: Record<string, string> = env;
  return loadConfig({
    get: (name) => all[name],
    readTextFile(path) {
      if (file !== undefined && path === "config.toml") return file;
      throw new Deno.errors.NotFound(path);
    },
  });
}

async function providersOf(env: Record<string, string>, file?: string) {
  const { config } = await load(env, file);
  return config.endpoints.map(({ name, priceProvider }) => [name, priceProvider]);
}

async function problemsOf(env: Record<string, string>, file?: string): Promise<string[]> {
  const { problems } = await assertRejects(() => load(env, file), ConfigError);
  return problems.map(({ origin, message }) => `${origin} ${message}`);
}

Deno.test("PRICE_PROVIDERS: equal those of the price library, which knows the aliases too", async () => {
  assertEquals(PRICE_PROVIDERS, (await waitForUpdate())?.map(({ id }) => id));
  for (const [alias, id] of PRICE_PROVIDER_ALIASES) {
    assertEquals(findProvider({ providerId: alias })?.id, id, alias);
  }
  assertEquals(findProvider({ providerId: LOCAL_PRICES }), undefined);
});

Deno.test("price_provider: the variable wins over the file", async () => {
  const env = { ...GOOD, OPENAI_PRICE_PROVIDER: "openai", ANTHROPIC_PRICE_PROVIDER: "local" };
  assertEquals(await providersOf(env), [["openai", "openai"], ["anthropic", "local"]]);
  assertEquals(await providersOf(GOOD), [["openai", undefined], ["anthropic", undefined]]);
  const file = '[endpoints.openai]\nprice_provider = "groq"\n[endpoints.chat]\nbase_url = "http://a.test"\n' +
    'price_provider = "gemini"\n';
  assertEquals(await providersOf(GOOD, file), [["openai", "groq"], ["chat", "google"]]);
  assertEquals(await providersOf(env, file), [["openai", "openai"], ["chat", "google"]]);
});

Deno.test("price_provider: an unknown name is a problem, with a suggestion", async () => {
  const env = { ...GOOD, OPENAI_PRICE_PROVIDER: "opanai", ANTHROPIC_PRICE_PROVIDER: "nobody at all" };
  assertEquals(await problemsOf(env), [
    'env OPENAI_PRICE_PROVIDER "opanai" is not a provider with published prices; did you mean openai?',
    'env ANTHROPIC_PRICE_PROVIDER "nobody at all" is not a provider with published prices; ' +
    "llm-proxy prices lists the known providers, and local costs nothing",
  ]);
  assertEquals(await problemsOf(GOOD, '[endpoints.openai]\nprice_provider = "anthropc"\n'), [
    'config.toml:2: endpoints.openai.price_provider "anthropc" is not a provider with published prices; ' +
    "did you mean anthropic?",
  ]);
});

Deno.test("price_provider: local servers cost nothing unless the file names another provider", async () => {
  const file = ["ollama", "llamacpp", "vllm", "lmstudio"].map((name) => `[endpoints.${name}]\n`).join("") +
    '[endpoints.desk]\nprovider = "vllm"\nbase_url = "https://vllm.example.test/v1"\n' +
    '[endpoints.rented]\nprovider = "vllm"\nprice_provider = "together"\n';
  assertEquals(await providersOf({ PROXY_TOKEN: GOOD.PROXY_TOKEN }, file), [
    ["ollama", "local"],
    ["llamacpp", "local"],
    ["vllm", "local"],
    ["lmstudio", "local"],
    ["desk", "local"],
    ["rented", "together"],
  ]);
  const own =
    '[endpoints.own]\nprovider = "vllm"\nprice_provider = "local"\nbase_url = "http://10.0.0.1/v1"\n';
  const { config } = await load({ PROXY_TOKEN: GOOD.PROXY_TOKEN }, file + own);
  assertEquals(
    config.endpoints.filter(({ isPriceProviderGuessed }) => isPriceProviderGuessed).map(({ name }) => name),
    ["ollama", "llamacpp", "vllm", "lmstudio", "desk"],
  );
  const settings = await (await load({ PROXY_TOKEN: GOOD.PROXY_TOKEN }, file)).settings();
  const shown = settings.find(({ key }) => key === "endpoints.ollama.price_provider");
  assertEquals([shown?.shown, shown?.origin], ["local", "preset ollama"]);
});

Deno.test("prices: every kind of price reaches the endpoint, and one that is negative or unknown is named", async () => {
  const kinds = {
    cached: "cached",
    cache_write: "cacheWrite",
    cache_write_1h: "cacheWriteHour",
    input_audio: "inputAudio",
    cached_audio: "cachedAudio",
    output_audio: "outputAudio",
    input_image: "inputImage",
    cached_image: "cachedImage",
    output_image: "outputImage",
    input_video: "inputVideo",
    reasoning: "reasoning",
    citation: "citation",
    audio_hour: "audioHour",
    web_searches: "webSearches",
    file_searches: "fileSearches",
  };
  const table = (prices: string) =>
    `[endpoints.openai]\nprices = { "m*" = { input = 1, output = 2, ${prices} } }\n`;
  const keys = Object.keys(kinds);
  const { config } = await load(GOOD, table(keys.map((key, index) => `${key} = ${index}.5`).join(", ")));
  const [{ matches, ...price } = { matches: () => false }] = config.endpoints[0]?.prices ?? [];
  const expected = Object.values(kinds).map((kind, index) => [kind, index + 0.5]);
  assertEquals(price, { input: 1, output: 2, ...Object.fromEntries(expected) });
  assertEquals([matches("m1"), matches("n1")], [true, false]);
  const problems = await problemsOf(GOOD, table("cache_write_1h = -1, cache_write_2h = 1"));
  assertEquals(problems.length, 2, problems.join("\n"));
});

Deno.test("prices_file: the default is beside the database", async () => {
  const fileOf = async (env: Record<string, string>) =>
    (await load({ ...GOOD, MANAGEMENT_TOKEN: "m".repeat(32), ...env })).config.management?.pricesFile;
  assertEquals(await fileOf({}), { path: "./data/prices.json", isNamed: false });
  assertEquals(await fileOf({ DATABASE_URL: "sqlite:/var/lib/x.db" }), {
    path: "/var/lib/prices.json",
    isNamed: false,
  });
  assertEquals(await fileOf({ PRICES_FILE: "/etc/p.json" }), { path: "/etc/p.json", isNamed: true });
  assert((await load(GOOD)).config.management === undefined);
});
