import { assert, assertEquals } from "@std/assert";
import { harmlessText, harmlessValue, isHarmless } from "../../src/text/harmless_text.ts";

const CASES: readonly (readonly [text: string, harmless: string])[] = [
  ["", ""],
  ["/v1/models?a=1 \"'\\", "/v1/models?a=1 \"'\\"],
  ["grüße 模型 🙂 é", "grüße 模型 🙂 é"],
  ["\x1b[31mred", "\\x1b[31mred"],
  ["a\0b\tc\nd\re", "a\\x00b\\x09c\\x0ad\\x0de"],
  ["\x7f\x80\x9b\x9f", "\\x7f\\x80\\x9b\\x9f"],
  ["\u2028\u2029", "\\u2028\\u2029"],
  ["\u061c\u200e\u200f", "\\u061c\\u200e\\u200f"],
  ["\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"],
  ["\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"],
  ["a\u200bb\u200cc\u200dd\u2060e\ufeff\u00ad", "a\\u200bb\\u200cc\\u200dd\\u2060e\\ufeff\\xad"],
  ["\ud800 \udc00x", "\\ud800 \\udc00x"],
  ["\u{e0041}", "\\u{e0041}"],
];
for (const [text, harmless] of CASES) {
  Deno.test(`harmlessText: ${JSON.stringify(text)}`, () => {
    assertEquals(harmlessText(text, 100), harmless);
    assertEquals(isHarmless(text), text === harmless);
  });
}

Deno.test("harmlessText: the result is harmless for any text", () => {
  for (let code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 0x55) {
    const text = harmlessText(String.fromCodePoint(code), 100);
    assert(isHarmless(text) && text !== "", code.toString(16));
  }
});

Deno.test("harmlessText: the result is never too long, ends with … if it was cut, and contains no part of an escape", () => {
  assertEquals(harmlessText("abcde", 5), "abcde");
  assertEquals(harmlessText("abcdef", 5), "abcd…");
  assertEquals(harmlessText("ab\x1bcd", 8), "ab\\x1bcd");
  assertEquals(harmlessText("ab\x1bcd", 7), "ab\\x1b…");
  assertEquals(harmlessText("ab\x1bcd", 6), "ab…");
  assertEquals(harmlessText("🙂🙂🙂", 4), "🙂…");
  for (const text of ["x".repeat(5_000), "\u202e".repeat(5_000), "🙂".repeat(5_000), "a\x1b🙂".repeat(999)]) {
    for (let length = 1; length < 40; length++) {
      const cut = harmlessText(text, length);
      assert(cut.length <= length && cut.endsWith("…") && cut.isWellFormed(), cut);
    }
  }
});

Deno.test("harmlessText: a megabyte takes no longer than its first characters", () => {
  const text = "\x1b".repeat(1_000_000);
  const beganAt = performance.now();
  for (let round = 0; round < 1_000; round++) harmlessText(text, 100);
  assert(performance.now() - beganAt < 1_000);
});

Deno.test("harmlessValue: applies to strings and member names", () => {
  assertEquals(harmlessValue({ "a\x1b": ["\u202e", 1, null, { b: "x".repeat(9) }] }, 8), {
    "a\\x1b": ["\\u202e", 1, null, { b: "xxxxxxx…" }],
  });
});
