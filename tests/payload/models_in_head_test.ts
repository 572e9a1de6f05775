import { assertEquals } from "@std/assert";
import { modelsInHead } from "../../src/payload/models_in_head.ts";

function inHead(lines: string[], { path = "/v1/responses", query = "", upgrade = false } = {}) {
  const fields = lines.map((line) => {
    const [lower = "", value = ""] = line.split(": ");
    return { lower, value };
  });
  return modelsInHead({ path, query, fields, upgrade });
}

Deno.test("modelsInHead: header fields that name a model, one or more", () => {
  const { named, possiblyNamed } = inHead([
    "x-ms-oai-image-generation-deployment: gpt-image-1",
    "azureml-model-deployment: o3-pro",
    "x-model: a, b",
    "x-fallback-models: c",
  ]);
  assertEquals(named, []);
  assertEquals(possiblyNamed, ["gpt-image-1", "o3-pro", "a", "b", "c"]);
});

Deno.test("modelsInHead: what clients send of themselves names none", () => {
  const { possiblyNamed } = inHead([
    "sec-ch-ua-model: Pixel 7",
    "x-stainless-runtime: node",
    "user-agent: model/1",
    "anthropic-beta: models-2026",
    "x-model-provider: x",
    "openai-organization: model",
  ]);
  assertEquals(possiblyNamed, []);
});

Deno.test("modelsInHead: the path names a request's model, the query a WebSocket's", () => {
  const of = { path: "/v1beta/models/in-path:generateContent", query: "model=in-query" };
  assertEquals(inHead([], of), { named: ["in-path"], possiblyNamed: ["in-query"] });
  assertEquals(inHead([], { ...of, upgrade: true }), { named: ["in-query"], possiblyNamed: ["in-path"] });
});
