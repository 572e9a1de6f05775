import { assertEquals } from "@std/assert";
import { RequestedPauses } from "../../src/forwarding/requested_pauses.ts";

const anna = { holder: "anna", model: "big" };
const ben = { ...anna, holder: "ben" };

Deno.test("RequestedPauses: a pause is for one holder and one model, and without a model for all models", () => {
  const pauses = new RequestedPauses();
  assertEquals(pauses.set(anna, { now: 0, durationMs: 100 }), "own");
  const untils = () => [
    pauses.until(anna),
    pauses.until(ben),
    pauses.until({ ...anna, model: "small" }),
    pauses.until({ ...anna, model: undefined }),
  ];
  assertEquals(untils(), [100, -Infinity, -Infinity, -Infinity]);
  pauses.set({ ...anna, model: undefined }, { now: 0, durationMs: 50 });
  assertEquals(untils(), [100, -Infinity, 50, 50]);
});

Deno.test("RequestedPauses: the second holder with the same model makes it a pause for all, for five minutes at most", () => {
  const pauses = new RequestedPauses();
  const hour = { now: 0, durationMs: 3_600_000 };
  pauses.set({ ...ben, model: "small" }, hour);
  assertEquals([pauses.set(anna, hour), pauses.set(anna, hour)], ["own", undefined]);
  assertEquals([pauses.set(ben, hour), pauses.set(ben, hour)], ["all", undefined]);
  assertEquals(pauses.until({ ...anna, holder: "eve" }), 300_000);
  assertEquals(pauses.until({ holder: "eve", model: "small" }), -Infinity);
});

Deno.test("RequestedPauses: pauses that are over are dropped, and a client cannot add them without end", () => {
  const pauses = new RequestedPauses();
  for (let id = 0; id < 1_500; id++) {
    pauses.set({ holder: "anna", model: `m${id}` }, { now: 0, durationMs: 100 });
  }
  assertEquals([499, 500].map((id) => pauses.until({ holder: "anna", model: `m${id}` })), [
    -Infinity,
    100,
  ]);
  assertEquals([pauses.latest(), pauses.mayLastUntil], [100, 100]);
  pauses.set(ben, { now: 100, durationMs: 5 });
  assertEquals([pauses.until({ holder: "anna", model: "m1499" }), pauses.latest()], [-Infinity, 105]);
});
