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

/** Endpoints, path, and `name rest` or undefined. */
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
    assertEquals(target && `${target.endpoint?.name} ${target.rest}`, expected);
  });
}
