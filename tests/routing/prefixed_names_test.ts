/**
 * Names like `ENDPOINT/MODEL`: no list of another endpoint draws requests to it that the name does not mean.
 */

import { assertEquals } from "@std/assert";
import { chooseEndpoint } from "../../src/routing/choose_endpoint.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const ENDPOINTS = ["first", "second"].map((name) =>
  testEndpoint(name, [testBackend(`https://${name}.example`, { key: { mode: "inject", value: "key" } })])
);

/** Where a model goes, as `ENDPOINT MODEL`, with the lists of the endpoints. */
function chosen(
  model: string,
  lists: Readonly<Record<string, readonly string[]>>,
  allowed: readonly string[] = ["first", "second"],
): string | undefined {
  const table = buildRoutingTable(ENDPOINTS, undefined, {
    byModel: true,
    routes: [{ model: "routed", endpoint: "second", to: "first/big" }],
    aliases: new Map([["fast", "first/big"], ["whole", "big"]]),
    refreshMs: undefined,
    localRefreshMs: undefined,
  });
  const { byModel } = table;
  if (byModel === undefined) throw new TypeError("the model chooses nothing");
  const mayUse = ({ name }: { name: string }) => allowed.includes(name);
  const choice = chooseEndpoint({ ...table, byModel }, { api: "openai", model, mayUse }, {
    has: (endpoint, name) => lists[endpoint]?.includes(name) === true,
    isKnown: (endpoint) => lists[endpoint] !== undefined,
  });
  return choice && `${choice.endpoint.name} ${choice.model}`;
}

Deno.test("prefixed names: an alias with the name of an endpoint goes there before any list", () => {
  for (const own of [undefined, [], ["big"], ["other"]]) {
    const lists = { ...(own && { first: own }), second: ["first/big", "big", "fast"] };
    assertEquals(chosen("fast", lists), "first big", String(own));
    assertEquals(
      chosen("fast", lists, ["second"]),
      undefined,
      "not at an endpoint that the alias does not name",
    );
  }
  assertEquals(
    chosen("fast", { first: ["first/big"] }),
    "first first/big",
    "the endpoint has the whole name",
  );
  assertEquals(
    chosen("whole", { second: ["big"] }),
    "second big",
    "an alias without an endpoint goes by the lists",
  );
});

Deno.test("prefixed names: a route goes to its endpoint, also if its model begins with the name of another", () => {
  assertEquals(chosen("routed", { first: ["big", "first/big"], second: [] }), "second first/big");
});

Deno.test("prefixed names: a name of a client means the endpoint that lists its rest, or has sent no list", () => {
  assertEquals(chosen("first/big", { first: ["big"], second: ["first/big"] }), "first big");
  assertEquals(chosen("first/big", { second: ["first/big"] }), "first big", "no list yet");
  assertEquals(chosen("first/big", { first: ["other"], second: ["first/big"] }), "second first/big");
  assertEquals(chosen("first/big", { first: ["first/big"], second: ["first/big"] }), "first first/big");
  assertEquals(chosen("first/big", { first: ["other"], second: ["x"] }), "first big", "nobody lists it");
  assertEquals(
    chosen("first/big", { first: ["big"], second: ["first/big"] }, ["second"]),
    "second first/big",
  );
});
