import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { MAX_PARAMETERS } from "../../src/http/query.ts";
import { MAX_MODELS } from "../../src/payload/model_name.ts";
import { modelsInHead, modelsInPath } from "../../src/payload/models_in_head.ts";

function inHead(lines: string[], { path = "/v1/responses", query = "", isWebSocket = false } = {}) {
  const fields = lines.map((line) => {
    const [lower = "", value = ""] = line.split(": ");
    return { lower, value };
  });
  return modelsInHead({ path, query, fields, isWebSocket });
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
  assertEquals(inHead([], { ...of, isWebSocket: true }), { named: ["in-query"], possiblyNamed: ["in-path"] });
});

Deno.test("modelsInHead: a name counts once in a place, however often it is there", () => {
  const names = `x-model: ${"a,b,".repeat(10_000)}a`;
  assertEquals(inHead([names, names], { query: "model=c&".repeat(500) }).possiblyNamed, ["c", "a", "b"]);
  assertEquals(inHead([], { path: "/models/a/models/a/models/b" }).named, ["a", "b"]);
});

Deno.test("modelsInHead: rejects a head with too many different models, or too many parameters", () => {
  const names = Array.from({ length: MAX_MODELS + 1 }, (_, at) => `m${at}`);
  for (
    const head of [
      () => inHead([`x-model: ${names.join(",")}`]),
      () => inHead([], { path: `/models/${names.join("/models/")}` }),
      () => inHead([], { query: "a=b&".repeat(MAX_PARAMETERS) + "c=d" }),
    ]
  ) {
    const fault = assertThrows(head, ProxyFault);
    assert(fault.code === "bad_request");
  }
  assertEquals(inHead([`x-model: ${names.slice(1).join(",")}`]).possiblyNamed.length, MAX_MODELS);
  assertEquals(inHead([], { query: `${"a=b&".repeat(MAX_PARAMETERS - 1)}model=x` }).possiblyNamed, ["x"]);
});

Deno.test("Azure's paths behind /models name no model, and other names in them count", () => {
  for (const end of ["chat/completions", "embeddings", "images/embeddings"]) {
    assertEquals(modelsInPath(`/models/${end}`), []);
    assertEquals(modelsInPath(`/openai/deployments/gpt-4o/models/${end}`), ["gpt-4o"]);
    assertEquals(modelsInPath(`/models/gpt-4o/${end}`), ["gpt-4o"]);
  }
  assertEquals(modelsInPath("/models/chat"), ["chat"]);
  assertEquals(modelsInPath("/models/embeddings:generateContent"), ["embeddings"]);
});
