import { assertEquals } from "@std/assert";
import { imageTokensFor, NO_IMAGES, plusImages, tokensOfImage } from "../../src/payload/image_tokens.ts";

Deno.test("tokensOfImage: the published examples of OpenAI, Anthropic and Gemini", () => {
  const tokens = (width: number, height: number, model: string) =>
    imageTokensFor(tokensOfImage({ width, height }), model);
  // https://platform.openai.com/docs/guides/images-vision: 1024 by 1024 pixels, and 2048 by 4096 pixels.
  assertEquals(tokens(1024, 1024, "gpt-4o-mini"), 2_833 + 4 * 5_667);
  assertEquals(tokens(2048, 4096, "gpt-4o-mini"), 2_833 + 6 * 5_667);
  assertEquals(tokens(2048, 2048, "openai/gpt-4o-mini-2024-07-18"), 25_501);
  // https://docs.anthropic.com/en/docs/build-with-claude/vision: 1,000 by 1,000 pixels.
  assertEquals(tokens(1000, 1000, "claude-sonnet-4-5"), 1_334);
  assertEquals(tokens(4032, 3024, "claude-sonnet-4-5"), 4_784);
  // https://ai.google.dev/gemini-api/docs/tokens: tiles of 768 pixels.
  assertEquals(tokens(4032, 3024, "models/gemini-2.5-pro"), 6 * 4 * 258);
});

Deno.test("imageTokensFor: a model of no family counts as the family with the most, and images add up", () => {
  const one = tokensOfImage({ width: 4032, height: 3024 });
  for (const model of [undefined, "", "my-deployment", "llava"]) {
    assertEquals(imageTokensFor(one, model), 25_501);
  }
  assertEquals(imageTokensFor(plusImages(one, one), "gpt-4o-mini"), 2 * 25_501);
  assertEquals(imageTokensFor(one, "gpt-4o"), 3_779);
  assertEquals(imageTokensFor(one, "gpt-5.4"), 10_000);
  assertEquals(imageTokensFor(NO_IMAGES, "x"), 0);
});
