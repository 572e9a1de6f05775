import { assertEquals } from "@std/assert";
import { matchesAny, wildcardTexts, withWildcards } from "../../src/text/glob.ts";

Deno.test("wildcardTexts: what each * matches, the first ones as little as possible", () => {
  assertEquals(wildcardTexts("claude-*", "claude-opus-5"), ["opus-5"]);
  assertEquals(wildcardTexts("*", ""), [""]);
  assertEquals(wildcardTexts("*-*:*", "a-b-c:d:e"), ["a", "b-c", "d:e"]);
  assertEquals(wildcardTexts("plain", "plain"), []);
  assertEquals(wildcardTexts("plain", "other"), undefined);
  assertEquals(wildcardTexts("a*a", "a"), undefined);
  assertEquals(wildcardTexts("a*b*", "ac"), undefined);
});

Deno.test("wildcardTexts: many * take a time that grows with the name", () => {
  const name = "a".repeat(20_000);
  assertEquals(wildcardTexts(`${"*a".repeat(1_000)}b`, name), undefined);
  assertEquals(wildcardTexts(`${"*a".repeat(1_000)}*`, name)?.length, 1_001);
});

Deno.test("withWildcards: each * becomes its text, in which $ and * are plain characters", () => {
  assertEquals(withWildcards("anthropic/claude-*", ["opus-5"]), "anthropic/claude-opus-5");
  assertEquals(withWildcards("*/*", ["$&", "*"]), "$&/*");
  assertEquals(withWildcards("fixed", ["x"]), "fixed");
  assertEquals(matchesAny(["x", "f*d"], "fixed"), true);
});
