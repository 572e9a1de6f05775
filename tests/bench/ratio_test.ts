import { assertEquals } from "@std/assert";
import { LEAST_MARGIN, limitOf, ratiosOf, worse } from "./ratio.ts";

const RECORDED = { plain: 4, managed: 8 };

Deno.test("ratiosOf: rounds on a busy machine do not change the ratios", () => {
  const quiet = { raw: [10, 10, 10], plain: [40, 40, 40], again: [40, 40, 40], managed: [80, 80, 80] };
  const busy = {
    raw: [12, 10, 19, 10],
    plain: [40, 70, 60, 40],
    again: [50, 60, 80, 90],
    managed: [130, 80, 80, 90],
  };
  assertEquals(ratiosOf(quiet), { plain: 4, managed: 8, noise: 0 });
  const { plain, managed, noise } = ratiosOf(busy);
  assertEquals([plain, managed, noise > 0.2], [4, 8, true]);
});

Deno.test("ratiosOf: one round without any CPU time does not change the ratios", () => {
  const rounds = { raw: [10, 10, 10], plain: [40, 40, 0], again: [40, 40, 40], managed: [80, 0, 80] };
  assertEquals(ratiosOf(rounds), { plain: 4, managed: 8, noise: 0 });
});

Deno.test("worse: a ratio within the margin is no failure, and a ratio above it is one", () => {
  const within = 4 * (1 + LEAST_MARGIN) - 0.01;
  const above = 4 * (1 + LEAST_MARGIN) + 0.01;
  assertEquals(worse({ plain: within, managed: 8, noise: 0 }, RECORDED), []);
  assertEquals(worse({ plain: above, managed: 8, noise: 0 }, RECORDED), ["plain"]);
  assertEquals(worse({ plain: 4, managed: 2 * above, noise: 0 }, RECORDED), ["managed"]);
});

Deno.test("worse: a better ratio is no failure", () => {
  assertEquals(worse({ plain: 2, managed: 3, noise: 0 }, RECORDED), []);
});

Deno.test("worse: a ratio that is not a number is a failure", () => {
  assertEquals(worse({ plain: NaN, managed: 8, noise: 0 }, RECORDED), ["plain"]);
});

Deno.test("limitOf: a noisy run allows more than the margin", () => {
  assertEquals(limitOf(4, 0.5), 10);
  assertEquals(limitOf(4, 0.01), 4 * (1 + LEAST_MARGIN));
});
