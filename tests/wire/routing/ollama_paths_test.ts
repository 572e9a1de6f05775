/** The paths of Ollama's own API, with each way of writing its base URL. */

import { assertEquals } from "@std/assert";
import { loadConfig } from "../../../src/config/load.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { configSources } from "../../support/proxies/config_sources.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

/** What a client sends, and what arrives. */
const PATHS: readonly (readonly [method: string, path: string, arrives: string])[] = [
  ["POST", "/ollama/chat", "/api/chat"],
  ["POST", "/ollama/api/chat", "/api/chat"],
  ["POST", "/ollama/generate?a=b", "/api/generate?a=b"],
  ["GET", "/ollama/tags", "/api/tags"],
  ["GET", "/ollama/api/version", "/api/version"],
  ["POST", "/ollama/v1/chat/completions", "/v1/chat/completions"],
  ["POST", "/ollama/v1/messages", "/v1/messages"],
];

for (const base of ["", "/api", "/api/", "/v1"]) {
  Deno.test(`ollama: all its APIs work with a base URL that ends in ${base || "no path"}`, async () => {
    await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
    const file = `[auth]
token = "${SECRETS.proxyToken}"
[endpoints.ollama]
base_url = "${upstream.origin}${base}"
`;
    const { config, warnings } = await loadConfig(configSources({}, { "config.toml": file }));
    assertEquals(warnings, []);
    await using proxy = new LocalProxy(upstream, { endpoints: config.endpoints });
    for (const [method, path] of PATHS) {
      const response = await fetch(proxy.url + path, {
        method,
        headers: { authorization: `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" },
        ...(method === "POST" && { body: '{"model":"qwen3"}' }),
      });
      assertEquals([response.status, await response.text()], [200, "{}"], path);
    }
    assertEquals(upstream.requests.map(({ target }) => target), PATHS.map(([, , arrives]) => arrives));
  });
}
