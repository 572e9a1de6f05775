import { assertEquals } from "@std/assert";
import { prefixedNamesText } from "../../src/catalogue/prefixed_names.ts";

Deno.test("prefixed names: models with the name of another endpoint in front, at most five by name", () => {
  const endpoints = new Set(["openai", "openrouter"]);
  const text = (models: readonly string[]) => prefixedNamesText("openrouter", models, endpoints);
  assertEquals(text(["openrouter/auto", "meta/llama", "openai", "/openai/x"]), undefined);
  const models = Array.from({ length: 6 }, (_, at) => `openai/gpt-${at}`);
  assertEquals(
    text(models),
    "the names of 6 models begin with the name of another endpoint, which gets their requests if it lists the rest of " +
      "the name or has sent no list: openai/gpt-0, openai/gpt-1, openai/gpt-2, openai/gpt-3, openai/gpt-4, …",
  );
});
