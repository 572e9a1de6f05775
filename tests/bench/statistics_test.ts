import { assert, assertEquals } from "@std/assert";
import { isSignificant, median, noiseOf } from "./statistics.ts";

Deno.test("median: the middle, or the mean of the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assert(Number.isNaN(median([])));
});

Deno.test("noiseOf: rounds that differ are noise, even if their medians agree", () => {
  assertEquals(noiseOf([90, 100, 110], [110, 100, 90]), 0.2);
});

Deno.test("noiseOf: medians that differ are noise", () => {
  assertEquals(noiseOf([100, 100, 100], [110, 110, 110]), 10 / 105);
  assertEquals(noiseOf([0, 0], [0, 0]), 0);
});

Deno.test("noiseOf: a missing round does not count", () => {
  assertEquals(noiseOf([100, 100, 300], [100, 100]), 0);
});

Deno.test("isSignificant: only a difference above the noise is significant", () => {
  assert(isSignificant(100, 112, 0.1));
  assert(!isSignificant(100, 108, 0.1));
  assert(!isSignificant(100, 200, NaN));
});
