import { assertEquals } from "@std/assert";
import { chooseEndpoint } from "../../src/routing/choose_endpoint.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { servedElsewhereMessage } from "../../src/routing/unserved_model.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const KEY = { mode: "inject", value: "key" } as const;
const ANTHROPIC = testEndpoint("anthropic", [testBackend("https://api.anthropic.com", { key: KEY })], {
  dialect: "anthropic",
});

/** The endpoint for a model at a path of OpenAI's API, with a default endpoint at this address. */
function chosen(origin: string, model: string): string | undefined {
  const own = testEndpoint("openai", [testBackend(origin, { key: KEY })]);
  const table = buildRoutingTable([own, ANTHROPIC], "openai", {
    byModel: true,
    routes: [{ model: "team-*", endpoint: "anthropic" }],
    aliases: new Map([["best", "anthropic/claude-sonnet-5"]]),
    refreshMs: undefined,
    localRefreshMs: undefined,
  });
  const { byModel } = table;
  if (byModel === undefined) throw new TypeError("the model chooses nothing");
  const unrouted = { api: "openai", model, mayUse: () => true } as const;
  return chooseEndpoint({ ...table, byModel }, unrouted, { has: () => false, isKnown: () => false })?.endpoint
    .name;
}

Deno.test("unserved models: OpenAI does not get requests for models of an endpoint with another API", () => {
  for (const model of ["anthropic/claude-sonnet-5", "best", "team-a"]) {
    assertEquals(chosen("https://api.openai.com", model), undefined, model);
  }
  for (const model of ["unheard", "meta/llama", "/x"]) {
    assertEquals(chosen("https://api.openai.com", model), "openai", model);
  }
});

Deno.test("unserved models: an aggregator may have models with names of other endpoints", () => {
  for (const model of ["anthropic/claude-sonnet-5", "best"]) {
    assertEquals(chosen("https://openrouter.ai", model), "openai", model);
  }
  assertEquals(chosen("https://openrouter.ai", "team-a"), undefined);
});

Deno.test("servedElsewhereMessage: names no endpoint that the client may not use, and quotes a model without harm", () => {
  const backends = [testBackend("http://h.test")];
  const table = buildRoutingTable(
    [testEndpoint("openai", backends), testEndpoint("claude", backends, { dialect: "anthropic" })],
    undefined,
    { byModel: true, routes: [], aliases: new Map(), refreshMs: undefined, localRefreshMs: undefined },
  );
  const { byModel } = table;
  if (byModel === undefined) throw new TypeError("the model chooses nothing");
  const lists = { has: (endpoint: string) => endpoint === "claude", isKnown: () => true };
  const messageFor = (mayUse: boolean) =>
    servedElsewhereMessage(
      { ...table, byModel },
      { api: "openai", model: "m\x1b", mayUse: ({ name }) => name === "openai" || mayUse },
      { choice: undefined, lists },
    );
  assertEquals(messageFor(false), undefined);
  assertEquals(
    messageFor(true),
    'The endpoint claude serves the model "m\\\\x1b" at /v1/messages, and not at this path.',
  );
});
