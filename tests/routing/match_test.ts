import { assertEquals } from "@std/assert";
import type { Dialect } from "../../src/apis/dialects.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { match } from "../../src/routing/match.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

function endpoint(name: string, dialect: Dialect): Endpoint {
  return testEndpoint(name, [testBackend("http://h.test")], { dialect });
}

const openai = endpoint("openai", "openai");
const anthropic = endpoint("anthropic", "anthropic");
const lab = endpoint("lab", "generic");

/** Endpoints, path, and `name path` or undefined. */
const CASES: readonly (readonly [Endpoint[], string, string | undefined])[] = [
  [[openai, anthropic], "/openai/v1/models", "openai /v1/models"],
  [[openai, anthropic], "/openai", "openai "],
  [[openai, anthropic], "/openai/", "openai /"],
  [[openai, anthropic], "/openaix/v1", undefined],
  [[openai, anthropic], "/OPENAI/v1", undefined],
  [[openai, anthropic], "/v1/models", "openai /v1/models"],
  [[openai, anthropic], "/v1", "openai /v1"],
  [[openai, anthropic], "/v12", undefined],
  [[openai, anthropic], "/chat/completions", "openai /chat/completions"],
  [[openai, anthropic], "/chat/completions/x", undefined],
  [[openai, anthropic], "/v1/messages", "anthropic /v1/messages"],
  [[openai, anthropic], "/v1/messages/batches", "anthropic /v1/messages/batches"],
  [[openai, anthropic], "/v1/messages_x", "openai /v1/messages_x"],
  [[openai], "/v1/messages", "openai /v1/messages"],
  [[anthropic], "/v1/models", "anthropic /v1/models"],
  [[lab], "/v1/models", "lab /v1/models"],
  [[lab, anthropic], "/v1/models", undefined],
  [[lab, anthropic], "/v1/messages", "anthropic /v1/messages"],
  [[openai], "/", undefined],
  [[openai], "//openai", undefined],
];

for (const [endpoints, path, expected] of CASES) {
  Deno.test(`match: ${path} among ${endpoints.map(({ name }) => name).join(", ")}`, () => {
    const target = match(buildRoutingTable(endpoints), path);
    assertEquals(target && `${target.endpoint?.name} ${target.apiPath}`, expected);
  });
}

const gemini = endpoint("gemini", "gemini");
const ollama = testEndpoint("ollama", [testBackend("http://h.test")]);
const ALL = [openai, anthropic, gemini, ollama];

/**
 * Endpoints, path, headers, and `api endpoint` or undefined. The endpoint is that of models which no other
 * one has.
 */
const BY_MODEL: readonly (readonly [Endpoint[], string, string[], string | undefined])[] = [
  [ALL, "/openai/v1/models", [], "undefined openai"],
  [ALL, "/v1/chat/completions", [], "openai openai"],
  [ALL, "/chat/completions", [], "openai openai"],
  [ALL, "/v1/messages", [], "anthropic anthropic"],
  [ALL, "/v1/messages/count_tokens", [], "anthropic anthropic"],
  [ALL, "/v1beta/models/x:generateContent", [], "gemini gemini"],
  [ALL, "/v1/models/x:generateContent", [], "gemini gemini"],
  [ALL, "/api/chat", [], "ollama ollama"],
  [ALL, "/v1/models", [], "openai openai"],
  [ALL, "/v1/models", ["anthropic-version"], "anthropic anthropic"],
  [ALL, "/v1/files", ["anthropic-version"], "anthropic anthropic"],
  [ALL, "/v1/models", ["x-goog-api-key"], "gemini gemini"],
  [ALL, "/v1/chat/completions", ["anthropic-version", "x-goog-api-key"], "openai openai"],
  [[openai, ollama], "/v1/models", ["x-goog-api-key"], "openai openai"],
  [[openai, ollama], "/v1/messages", [], "anthropic ollama"],
  [[openai], "/v1/messages", [], "anthropic openai"],
  [[openai], "/v1beta/models", [], undefined],
  [[openai], "/api/chat", [], undefined],
  [[lab, anthropic], "/v1/models", [], "openai undefined"],
  [ALL, "/v2/models", [], undefined],
  [ALL, "/apis", [], undefined],
];

for (const [endpoints, path, headers, expected] of BY_MODEL) {
  const names = endpoints.map(({ name }) => name).join(", ");
  Deno.test(`match, by model: ${path} with ${headers.join(" and ") || "no header"} among ${names}`, () => {
    const routing = {
      byModel: true,
      routes: [],
      aliases: new Map(),
      refreshMs: undefined,
      localRefreshMs: undefined,
    };
    const table = buildRoutingTable(endpoints, undefined, routing);
    const target = match(table, path, { method: "POST", fields: headers.map((lower) => ({ lower })) });
    assertEquals(target && `${target.byModel} ${target.endpoint?.name}`, expected);
  });
}
