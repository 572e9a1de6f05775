/** What endpoints allow: the defaults by provider, and the setting `paths`. */

import { assertEquals } from "@std/assert";
import { allowedPaths, allowedPathsRow } from "../../src/cli/check_paths.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { PRESET_NAMES, PRESETS } from "../../src/config/values/presets.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const AUTH = '[auth]\ntoken = "a-token-of-some-length"\n';

async function load(toml: string): Promise<Config> {
  return (await loadConfig(configSources({}, { "config.toml": AUTH + toml }))).config;
}

async function pathsOf(toml: string): Promise<Record<string, readonly string[]>> {
  const { endpoints } = await load(toml);
  return Object.fromEntries(endpoints.map(({ name, paths }) => [name, paths]));
}

async function problemsOf(toml: string): Promise<readonly string[]> {
  try {
    await load(toml);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ origin, message }) => `${origin} ${message}`);
  }
}

Deno.test("paths of an endpoint: the default of each provider", async () => {
  for (const name of PRESET_NAMES) {
    const preset = PRESETS[name];
    const url = "baseUrl" in preset ? "" : 'base_url = "https://mine.openai.azure.com"\n';
    const paths = await pathsOf(
      `[endpoints.x]\nprovider = "${name}"\napi_key = "a-key-of-some-length"\n${url}`,
    );
    const expected = "local" in preset
      ? ["inference", "models"]
      : name === "generic"
      ? ["!admin", "!model_management"]
      : ["!admin"];
    assertEquals(paths, { x: expected }, name);
  }
});

Deno.test("paths of an endpoint: behind another address than the provider's own, models stay as they are too", async () => {
  const toml = `[endpoints.openai]\napi_key = "none"\nbase_url = "http://127.0.0.1:11434"
[endpoints.gpu]\napi_key = "none"\nbase_url = "http://10.0.0.2:11434"
[endpoints.pair]\nprovider = "openai"\napi_key = "none"
backends = [{ base_url = "https://api.openai.com/v1" }, { base_url = "http://10.0.0.2:8000/v1" }]
`;
  const closed = ["!admin", "!model_management"];
  assertEquals(await pathsOf(toml), { openai: closed, gpu: closed, pair: closed });
});

Deno.test("paths of an endpoint: a list that only denies keeps what is closed by default", async () => {
  const toml = `[endpoints.openai]\napi_key = "none"\npaths = ["!files"]
[endpoints.ollama]\npaths = ["!/api/show"]
[endpoints.vllm]\npaths = ["all"]
[endpoints.lmstudio]\npaths = ["inference", "/api/v0/*"]
`;
  assertEquals(await pathsOf(toml), {
    openai: ["!admin", "!files"],
    ollama: ["inference", "models", "!/api/show"],
    vllm: ["all"],
    lmstudio: ["inference", "/api/v0/*"],
  });
});

Deno.test("paths of an endpoint: all problems at once, with the closest group", async () => {
  const toml = `[endpoints.openai]\napi_key = "none"\npaths = ["inferrence", "!modelmanagement", "v1/x"]
[endpoints.ollama]\npaths = []
`;
  assertEquals(await problemsOf(toml), [
    'config.toml:5: endpoints.openai.paths.0 "inferrence" is not a group; did you mean inference?',
    'config.toml:5: endpoints.openai.paths.1 "!modelmanagement" is not a group; did you mean !model_management?',
    'config.toml:5: endpoints.openai.paths.2 "v1/x" does not start with /, * or !, like /v1/models, */models or !*/files*',
    "config.toml:7: endpoints.ollama.paths is empty, so clients could request nothing",
  ]);
});

Deno.test("check: what clients may request at each endpoint, and with each token that has a rule", async () => {
  const { endpoints } = await load(
    `[endpoints.openai]\napi_key = "none"\n[endpoints.ollama]\n[endpoints.vllm]\npaths = ["/v1/*", "!/v1/x"]\n`,
  );
  const tokens = [
    { name: "anna", token: "x", rules: { paths: ["inference", "!*/images*"] } },
    { name: "ben", token: "y" },
  ];
  const found = allowedPaths({ endpoints, auth: { mode: "token", tokens } });
  assertEquals(found.map(allowedPathsRow), [
    ["endpoint openai", "everything", "admin"],
    ["endpoint ollama", "inference, models", "all others"],
    ["endpoint vllm", "/v1/*", "all others, /v1/x"],
    ["token anna", "inference", "all others, */images*"],
  ]);
  assertEquals(found[1]?.closed.length, 8);
});
