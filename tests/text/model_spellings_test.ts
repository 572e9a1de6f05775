import { assert, assertEquals } from "@std/assert";
import { isOpaqueModel, modelSpellings } from "../../src/text/model_spellings.ts";

Deno.test("modelSpellings: the given name comes first, and every spelling once", () => {
  assertEquals(modelSpellings("gpt-4o"), ["gpt-4o"]);
  const all = modelSpellings("models/GPT-4o:nitro");
  assertEquals(all[0], "models/GPT-4o:nitro");
  assertEquals(new Set(all).size, all.length);
});

Deno.test("modelSpellings: names that servers accept as the same model", () => {
  const cases: readonly (readonly [name: string, spelling: string])[] = [
    ["openai/gpt-4o", "gpt-4o"],
    [" GPT-4o\t", "gpt-4o"],
    ["gpt-4o:online", "gpt-4o"],
    ["publishers/anthropic/models/claude-sonnet-4@20250514", "claude-sonnet-4"],
    ["us.anthropic.claude-sonnet-4-v1:0", "anthropic.claude-sonnet-4-v1:0"],
    ["us-gov.anthropic.claude-sonnet-4-v1:0", "anthropic.claude-sonnet-4-v1:0"],
    ["apac.amazon.nova-pro-v1:0", "nova-pro-v1:0"],
    ["arn:aws:bedrock:us-east-1:1:inference-profile/eu.meta.llama3-v1:0", "meta.llama3-v1:0"],
    ["arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"],
  ];
  for (const [name, spelling] of cases) {
    assert(modelSpellings(name).includes(spelling), `${name}: ${modelSpellings(name).join(", ")}`);
  }
});

Deno.test("modelSpellings: points and colons that belong to a name stay", () => {
  for (const name of ["gpt-4.1-mini", "us.small", "qwen3:8b", "global-1.5"]) {
    assertEquals(modelSpellings(name), [name]);
  }
});

Deno.test("isOpaqueModel: resources of Bedrock that do not say which model they are", () => {
  const arn = (resource: string) => `arn:aws:bedrock:us-east-1:123456789012:${resource}`;
  for (
    const type of ["application-inference-profile", "provisioned-model", "custom-model", "imported-model"]
  ) {
    assertEquals(isOpaqueModel(arn(`${type}/abc`)), true, type);
  }
  for (const name of [arn("inference-profile/us.anthropic.claude"), "anthropic.claude", "arn"]) {
    assertEquals(isOpaqueModel(name), false, name);
  }
});
