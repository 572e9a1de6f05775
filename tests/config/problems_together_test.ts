/** All problems of all sources are reported at once. */

import { assertEquals, assertRejects } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const FLAGS = {
  PORT: { value: "99999", origin: "--port" },
  LOG_LEVEL: { value: "loud", origin: "--log-level" },
};
const ENV = { ALLOWED_IPS: "nope", RETENTION_DAYS: "x", ENDPOINTS: "lab", HTTPS_PORT: "77" };
const DOTENV = "MAX_CONNECTIONS=0\n";

async function originsOf(files: Record<string, string>): Promise<string[]> {
  const error = await assertRejects(
    () => loadConfig(configSources(ENV, { ".env": DOTENV, ...files }), FLAGS),
    ConfigError,
  );
  return error.problems.map(({ origin }) => origin);
}

Deno.test("problems: flags, environment, .env and file share one list", async () => {
  const text = '[server]\nprot = 1\ndrain_seconds = "forever"\n[endpoints.lab]\nconnect_timeout = "soon"\n';
  assertEquals((await originsOf({ "config.toml": text })).sort(), [
    "--log-level",
    "--port",
    ".env: MAX_CONNECTIONS",
    "config.toml:2: server.prot",
    "config.toml:3: server.drain_seconds",
    "config.toml:4: endpoints.lab.base_url",
    "config.toml:5: endpoints.lab.connect_timeout",
    "env ALLOWED_IPS",
    "env RETENTION_DAYS",
  ]);
});

Deno.test("problems: an invalid file hides no other problem, and no setting is reported as missing", async () => {
  assertEquals((await originsOf({ "config.toml": "[endpoints" })).sort(), [
    "--log-level",
    "--port",
    ".env: MAX_CONNECTIONS",
    "config.toml:1",
    "env ALLOWED_IPS",
    "env RETENTION_DAYS",
  ]);
});

/** A base URL, and the suggested one. */
const API_PATHS: readonly (readonly [string, string])[] = [
  ["https://api.test/v1/chat/completions", "https://api.test/v1"],
  ["https://api.test/v1/messages", "https://api.test/v1"],
  ["https://api.test/v1/responses/", "https://api.test/v1"],
  ["https://api.test/v1beta/models/gemini-x:generateContent", "https://api.test/v1beta"],
];
for (const [url, base] of API_PATHS) {
  Deno.test(`warnings: a base URL with the path of an API method: ${url}`, async () => {
    const file =
      `[endpoints.lab]\nbase_url = "${url}"\n[[endpoints.lab.backends]]\nname = "a"\nmodel = "x"\n[[endpoints.lab.backends]]\nname = "b"\nmodel = "y"\n`;
    const { warnings } = await loadConfig(configSources({}, { "config.toml": file }));
    assertEquals(warnings.map(({ origin, message }) => [origin, message.replace(/.* /, "")]), [
      ["config.toml:2: endpoints.lab.base_url", base],
    ]);
  });
}

Deno.test("warnings: no other base URL; the warning about a variable has the name of the variable", async () => {
  for (const url of ["https://api.test/v1", "https://api.test/openai", "https://messages.test"]) {
    const file = `[endpoints.lab]\nbase_url = "${url}"\n`;
    assertEquals((await loadConfig(configSources({}, { "config.toml": file }))).warnings, [], url);
  }
  const env = {
    ENDPOINTS: "openai",
    OPENAI_BASE_URL: "https://api.test/v1/chat/completions",
    OPENAI_API_KEY: "sk-1",
    PROXY_TOKEN: "a-token-of-some-length",
  };
  assertEquals((await loadConfig(configSources(env, {}))).warnings.map(({ origin }) => origin), [
    "env OPENAI_BASE_URL",
  ]);
});
