import { assertEquals } from "@std/assert";
import { candidateModels } from "../../src/admission/candidate_models.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const MODEL = { byName: new Map([["small", "large"]]), otherwise: undefined };
const ENDPOINT = testEndpoint("azure", [
  testBackend("http://a.example", { model: MODEL }),
  testBackend("http://b.example"),
]);

function candidates(more: Partial<Parameters<typeof candidateModels>[0]>): string[] {
  return candidateModels({
    endpoint: ENDPOINT,
    operation: "chat_completions",
    named: [],
    inPath: undefined,
    possiblyNamed: [],
    payload: undefined,
    facts: {},
    isWebSocket: false,
    ...more,
  }).map(({ backend, model }) => `${backend.name} ${model}`);
}

Deno.test("candidateModels: an override replaces the model in a path, and not in other places of the head", () => {
  assertEquals(candidates({ named: ["small"], inPath: "small" }), ["a.example large", "b.example small"]);
  assertEquals(candidates({ named: ["small"] }), ["a.example small", "b.example small"]);
  assertEquals(candidates({ named: ["small"], inPath: "small", possiblyNamed: ["small"] }), [
    "a.example large",
    "a.example small",
    "b.example small",
  ]);
});
