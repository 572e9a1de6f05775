import { assertEquals } from "@std/assert";
import { warmedUp } from "./warm_up.ts";

/** How many loads a warm-up takes whose loads cost this. The last cost repeats. */
async function loadsFor(costs: readonly number[]): Promise<number> {
  let loads = 0;
  await warmedUp(() => Promise.resolve(costs[Math.min(loads++, costs.length - 1)] ?? NaN));
  return loads;
}

Deno.test("bench: a warm-up ends when two loads have cost no less", async () => {
  assertEquals(await loadsFor([100]), 3);
  assertEquals(await loadsFor([300, 200, 150, 150]), 5);
});

Deno.test("bench: one load that others disturb does not end a warm-up", async () => {
  assertEquals(await loadsFor([300, 200, 260, 150, 150]), 6);
});

Deno.test("bench: a cost that falls by little is no progress, so small steps end a warm-up too", async () => {
  assertEquals(await loadsFor([100, 98, 97, 90]), 3);
});

Deno.test("bench: a warm-up that never ends by itself has twelve loads", async () => {
  assertEquals(await loadsFor(Array.from({ length: 50 }, (_, index) => 1_000 * 0.9 ** index)), 12);
  assertEquals(await loadsFor([NaN]), 2);
});
