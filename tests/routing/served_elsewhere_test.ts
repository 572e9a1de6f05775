import { assertEquals } from "@std/assert";
import { servedElsewhereMessage } from "../../src/routing/served_elsewhere.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

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
