/** What every adapter of shared limits does if a replica is silent, or if its server loses its data. */

import { assertEquals } from "@std/assert";
import {
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  type TakeResult,
  TELLING_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { unless } from "../../support/runner/left_out.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { type Asked, holding, type OpenAdapter, SharedBench } from "./shared_bench.ts";

/** Declares a test with an adapter, in which `a` and `b` have told what they hold. */
export type DeclareTest = (
  what: string,
  run: (bench: SharedBench) => Promise<void>,
  window?: "calendar" | "rolling",
  open?: OpenAdapter["open"],
) => void;

/**
 * Counts begin: `a` holds nothing, and `b` holds 5. The database knows that 100 were spent. Requests under a
 * budget wait for all of it.
 */
async function tellAgain(bench: SharedBench): Promise<void> {
  const { limits, clock } = bench;
  const budget = (micros: number) => ({ t: { totalBudgetMicros: micros } });
  const ask = (id: string, micros: number) => limits.take(bench.takeOf(budget(micros), { id }));
  assertEquals(await ask("1", 106), { kind: "unknown_replica" });
  await bench.renew("a", []);
  const telling = { kind: "telling", waitMs: TELLING_MS };
  assertEquals(await ask("2", 106), telling as TakeResult);
  assertEquals(
    await limits.take(bench.takeOf({ t: {} }, { id: "3", maxRequests: 5 })),
    telling as TakeResult,
  );
  // Slots depend only on what runs now.
  assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "4" }), "taken");
  assertEquals(await bench.settle("4"), true);
  // A balance that is read now may lack what a replica has not written yet.
  await bench.raise([{ key: "t", requests: 0, totalMicros: 90, hours: [] }]);
  clock.pass(TELLING_MS - 1);
  assertEquals(await ask("5", 106), { kind: "telling", waitMs: 1 });
  await bench.renew("b", [holding("b1", { owner: "b", micros: 5 })]);
  clock.pass(1);
  assertEquals(await ask("6", 106), { kind: "unseeded", keys: ["t"] });
  await bench.raise([{ key: "t", requests: 0, totalMicros: 100, hours: [] }], { a: 1 });
  assertEquals((await ask("7", 105)).kind, "rejected");
  assertEquals((await ask("8", 106)).kind, "taken");
}

/** Lets `a` be silent for its lifetime, while `b` renews. */
async function passLifetime(bench: SharedBench): Promise<void> {
  await bench.renew("b");
  bench.clock.pass(REPLICA_LIFETIME_MS / 2);
  await bench.renew("b");
  bench.clock.pass(REPLICA_LIFETIME_MS / 2);
  await bench.renew("b");
}

/** Declares the tests of one adapter. */
export function lossContract(name: string, adapter: OpenAdapter, test: DeclareTest): void {
  test("a silent replica has no slots, and its reservations stay until it settles them", async (bench) => {
    const limits = { t: { concurrentRequests: 2, totalBudgetMicros: 100, tokensPerMinute: 100 } };
    assertEquals(await bench.outcome(limits, { id: "1", reservation: { tokens: 0, micros: 30 } }), "taken");
    await bench.settle("1", { micros: 40 });
    assertEquals(await bench.outcome(limits, { id: "2", reservation: { tokens: 7, micros: 60 } }), "taken");
    assertEquals(await bench.outcome(limits, { id: "3", replica: "b" }), "budget");
    for (let half = 0; half < 2; half++) {
      bench.clock.pass(REPLICA_LIFETIME_MS / 2);
      assertEquals((await bench.renew("b")).isKnown, true);
    }
    const asked = (id: string): Asked => ({ id, replica: "b" });
    assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, asked("4")), "taken");
    assertEquals(await bench.settle("4"), true);
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 100 } }, asked("5")), "budget");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 101 } }, asked("6")), "taken");
    assertEquals(await bench.outcome({ t: { tokensPerMinute: 7 } }, asked("7")), "tokens_per_minute");
    assertEquals(await bench.settle("6"), true);
    assertEquals(await bench.outcome(limits, { id: "8", replica: "a" }), "unknown_replica");
    // The replica stood still. It tells what it holds, and has its slot again.
    assertEquals((await bench.renew("a", [holding("2", { tokens: 7, micros: 60 })])).isKnown, false);
    assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "9" }), "concurrent_requests");
    assertEquals(await bench.settle("2", { micros: 55 }), true);
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 95 } }, { id: "10" }), "budget");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 96 } }, { id: "11" }), "taken");
  });

  test("a silent replica settles what it held before it tells that it is there", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100, concurrentRequests: 5 } };
    assertEquals(await bench.outcome(limits, { id: "1", reservation: { tokens: 0, micros: 60 } }), "taken");
    await passLifetime(bench);
    assertEquals(await bench.settle("1", { micros: 70 }), true);
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 70 } }, { id: "2", replica: "b" }), "budget");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 71 } }, { id: "3", replica: "b" }), "taken");
    assertEquals(
      await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "4", replica: "b" }),
      "concurrent_requests",
    );
  });

  test("the reservations of a replica that never comes back end after a long time", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100 } };
    assertEquals(await bench.outcome(limits, { id: "1", reservation: { tokens: 0, micros: 100 } }), "taken");
    await passLifetime(bench);
    bench.clock.pass(RESERVED_MS - 1);
    await bench.renew("b");
    assertEquals(await bench.outcome(limits, { id: "2", replica: "b" }), "budget");
    bench.clock.pass(1);
    await bench.renew("b");
    assertEquals(await bench.outcome(limits, { id: "3", replica: "b" }), "taken");
    assertEquals(await bench.settle("1", { micros: 100 }), false);
  });

  test("a cost that a forgotten replica tells again does not count twice for good", async (bench) => {
    const cost = { key: "t", page: 1, hour: bench.hour, micros: 50 };
    const balance = { key: "t", requests: 1, totalMicros: 50, hours: [{ start: bench.hour, micros: 50 }] };
    const take = (id: string) =>
      bench.limits.take(bench.takeOf({ t: { totalBudgetMicros: 51 } }, { id, replica: "b" }));
    await bench.limits.hold({ from: bench.from("a"), holdings: [], costs: [cost] });
    await bench.raise([balance], { a: 1 });
    await passLifetime(bench);
    bench.clock.pass(RESERVED_MS);
    for (const _ of ["unknown", "known"]) await bench.renew("b");
    const raise = { from: bench.from("b"), balances: [balance], pages: { a: 1 } };
    await bench.limits.raise(raise);
    assertEquals((await take("1")).kind, "taken");
    // It comes back, and dies before it can raise the counts.
    bench.nextSession("a");
    await bench.limits.hold({ from: bench.from("a"), holdings: [], costs: [cost] });
    assertEquals(await take("2"), { kind: "unseeded", keys: ["t"] });
    await bench.limits.raise(raise);
    assertEquals((await take("3")).kind, "taken");
  });

  test("what a replica holds before it is known reserves money, has no slot, and ends as all does", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100, concurrentRequests: 1 } };
    await bench.hold([holding("1", { owner: "c", micros: 100 })]);
    assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "2" }), "taken");
    assertEquals(await bench.settle("2"), true);
    assertEquals(await bench.outcome(limits, { id: "3" }), "budget");
    assertEquals(await bench.outcome({ t: {} }, { id: "4", replica: "c" }), "unknown_replica");
    bench.clock.pass(RESERVED_MS);
    await bench.renew("b");
    assertEquals(await bench.outcome(limits, { id: "5", replica: "b" }), "taken");
  });

  Deno.test({
    ...unless(
      adapter.reason,
      `${name}: requests under a budget wait until all replicas have told what they hold`,
    ),
    async fn() {
      const clock = new FakeClock();
      const bench = new SharedBench(await adapter.open(clock), "calendar", clock);
      try {
        await tellAgain(bench);
      } finally {
        await bench.limits.close();
      }
    },
  });

  for (const [what, { open, save, happen }] of Object.entries(adapter.losses ?? {})) {
    test(
      `after ${what}, reservations come from the replicas and spending from the database`,
      async (bench) => {
        const limits = { t: { totalBudgetMicros: 1_000, concurrentRequests: 9 } };
        const take = (id: string, replica: string, micros: number) =>
          bench.outcome(limits, { id, replica, reservation: { tokens: 0, micros } });
        assertEquals([await take("a1", "a", 60), await take("b1", "b", 5)], ["taken", "taken"]);
        assertEquals(await bench.settle("a1", { micros: 30 }), true);
        assertEquals([await take("a2", "a", 60), await take("a3", "a", 7)], ["taken", "taken"]);
        await save?.();
        assertEquals(await bench.settle("a2", { micros: 70 }), true);
        await happen();
        assertEquals(await bench.settle("a3"), false);
        await tellAgain(bench);
      },
      "calendar",
      open,
    );
  }
}
