import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { matchesAny } from "../../src/text/glob.ts";
import { checkEndpoint, checkModels, checkPath } from "../../src/limits/allowed.ts";
import type { Principal, Rules } from "../../src/principal.ts";

function principal(...rules: Rules[]): Principal {
  const subjects = rules.map((own, index) => ({ key: String(index), what: "token", rules: own }) as const);
  return { kind: "token", key: "token:1", name: "anna", subjects, keys: new Map() };
}

const GLOBS: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ["gpt-4o", "gpt-4o", true],
  ["gpt-4o", "gpt-4o-mini", false],
  ["gpt-4o*", "gpt-4o-mini", true],
  ["*", "anything/at:all", true],
  ["*", "", true],
  ["*-mini", "gpt-4o-mini", true],
  ["*-mini", "gpt-4o-mini-x", false],
  ["a*b*c", "a--b--c", true],
  ["a*b*c", "a--c--b", false],
  ["ab*ba", "aba", false],
  ["a**b", "ab", true],
  ["gpt.4", "gpt-4", false],
  ["GPT-4", "gpt-4", false],
  ["*a*a*a*a*a*a*a*a*b", "a".repeat(5_000), false],
];
for (const [pattern, name, matches] of GLOBS) {
  Deno.test(`matchesAny: ${pattern} and ${name.slice(0, 20)}`, () => {
    assertEquals(matchesAny(["no", pattern], name), matches);
  });
}

Deno.test("checkEndpoint, checkModels: token and project both have to allow an endpoint or a model", () => {
  const who = principal({ endpoints: ["open*"], models: ["gpt-*"] }, { models: ["*-mini"] });
  checkEndpoint(who, "openai");
  checkModels(who, { models: ["gpt-4o-mini"], hasBody: true });
  assertThrows(() => checkEndpoint(who, "anthropic"), ProxyFault, "may not use the endpoint anthropic");
  assertThrows(() => checkModels(who, { models: ["gpt-4o"], hasBody: true }), ProxyFault, '"gpt-4o"');
  assertThrows(() => checkModels(who, { models: ["o4-mini"], hasBody: true }), ProxyFault, '"o4-mini"');
});

Deno.test("checkModels: every model of a request has to be allowed, and a body has to name a model", () => {
  const who = principal({ models: ["gpt-*"] });
  assertThrows(() => checkModels(who, { models: ["gpt-4o", "o4"], hasBody: true }), ProxyFault, '"o4"');
  assertThrows(() => checkModels(who, { models: [], hasBody: true }), ProxyFault, "names no model");
  checkModels(who, { models: [], hasBody: false });
  checkModels(principal({}), { models: ["o4"], hasBody: true });
});

Deno.test("checkPath: token and project both have to allow a path, and an ambiguous path is rejected", () => {
  const who = principal({ paths: ["/v1/files*", "/v1/models"] }, { paths: ["!/v1/files/secret*"] });
  const request = (path: string, fields: { lower: string; value: string }[]) => ({
    path,
    paths: [path],
    methods: ["GET"],
    isWebSocket: false,
    fields,
  });
  const check = (path: string, fields: { lower: string; value: string }[] = []) =>
    checkPath(who, request(path, fields));
  check("/v1/files/mine", [{ lower: "x-other", value: "" }]);
  assertThrows(
    () => check("/v1/chat"),
    ProxyFault,
    'not use the path "/v1/chat"; it may use /v1/files*, /v1/models.',
  );
  assertThrows(() => check("/v1/files/secret"), ProxyFault, "it may use all but /v1/files/secret*.");
  assertThrows(() => check("/v1/files%2Fsecret"), ProxyFault, "it contains an encoded slash (%2F)");
  for (const lower of ["x-original-url", "x-rewrite-url"]) {
    assertThrows(
      () => check("/v1/models", [{ lower, value: "/v1/files/secret" }]),
      ProxyFault,
      `the header ${lower} names another path`,
    );
  }
  checkPath(principal({}), request("/v1/a%2Fb", [{ lower: "x-original-url", value: "/" }]));
});

Deno.test("checkModels: a resource name of Google counts as the name of its model", () => {
  const who = principal({ models: ["gemini-*"] });
  checkModels(who, {
    models: ["models/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"],
    hasBody: true,
  });
  for (const name of ["models/other", "x/models/gemini-2.5-pro", "models/"]) {
    assertThrows(() => checkModels(who, { models: [name], hasBody: true }), ProxyFault);
  }
});
