import { assertEquals } from "@std/assert";
import { modelsInPath, modelsInQuery } from "../../src/payload/models_in_head.ts";

/** Paths, and the models they name to a server that decodes and merges slashes before it looks. */
const PATHS: readonly (readonly [path: string, models: readonly string[]])[] = [
  ["/v1/chat/completions", []],
  ["/v1/models", []],
  ["/v1/models/a", ["a"]],
  ["/v1beta/models/a:generateContent", ["a"]],
  ["/v1beta/models/a%3AgenerateContent", ["a"]],
  ["/v1beta/models%2Fa%3AgenerateContent", ["a"]],
  ["/v1beta%2Fmodels%2fa:generateContent", ["a"]],
  ["/v1beta//models///a:generateContent", ["a"]],
  ["/v1beta/Models/a:generateContent", ["a"]],
  ["/v1beta/%6dodels/a/x", ["a"]],
  ["/v1beta/tunedModels/a:generateContent", ["a"]],
  ["/v1/projects/p/publishers/google/models/a:rawPredict", ["a"]],
  ["/openai/deployments/a/chat/completions", ["a"]],
  ["/v1/engines/a/completions", ["a"]],
  ["/model/a%3A0/converse", ["a:0"]],
  ["/model/a/models/b", ["a", "b"]],
  ["/v1/a:predict", ["a"]],
  ["/v1/models/%zz", ["%zz"]],
];
for (const [path, models] of PATHS) {
  Deno.test(`modelsInPath: ${path}`, () => assertEquals(modelsInPath(path), models));
}

Deno.test("modelsInQuery: in any capitals and spelling, every one of them", () => {
  assertEquals(modelsInQuery("model=a&x=1&MODEL=b&m%6fdel=c&model_id=d&deployment=e"), [
    "a",
    "b",
    "c",
    "d",
    "e",
  ]);
  assertEquals(modelsInQuery("x=1&key=2"), []);
});
