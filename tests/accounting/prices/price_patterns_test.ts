import { assertEquals, assertLess } from "@std/assert";
import { patternProblem } from "../../../src/accounting/prices/price_patterns.ts";

/** Patterns that take very long for a name that fits their kind. */
const SLOW: readonly string[] = [
  `^${".{0,60}".repeat(5)}#$`,
  `^${".{0,20}".repeat(5)}#$`,
  "^.{0,250}.{0,250}#$",
  `^${"(a|a)".repeat(26)}$`,
  `^${"a?".repeat(24)}${"a".repeat(24)}b$`,
  "(a+)+b",
  "^.*.*.*#$",
  "^a{1,}b{1,}c{1,}$",
];

for (const pattern of SLOW) {
  Deno.test(`patternProblem: rejects ${pattern.slice(0, 40)}`, () => {
    assertEquals(typeof patternProblem(pattern), "string");
  });
}

Deno.test("patternProblem: what passes takes no time for the longest names", () => {
  const passing = [
    "^gpt-4(?:o|\\.1)?(?:-mini)?$",
    "^.{0,20}.{0,20}.{0,20}.{0,20}#$",
    "^.*a.*b$",
    "^(?:a|b|c|d)?x$",
  ];
  for (const pattern of passing) {
    assertEquals(patternProblem(pattern), undefined, pattern);
    const expression = new RegExp(pattern);
    for (const sign of ["a", "x", "#", "-"]) {
      const begun = performance.now();
      expression.test(sign.repeat(256));
      assertLess(performance.now() - begun, 250, `${pattern} on ${sign}`);
    }
  }
});
