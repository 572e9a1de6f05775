/** What every adapter of shared limits does: one suite for all of them. */

import { assert, assertEquals } from "@std/assert";
import type { Limits } from "../../../src/principal.ts";
import { BudgetCalendar } from "../../../src/limits/budget_calendar.ts";
import type { Reservation } from "../../../src/limits/ledger.ts";
import {
  type Cost,
  type LedgerBalance,
  NO_REPLICA,
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  UNTOLD_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { unless } from "../../support/runner/left_out.ts";
import { type DeclareTest, lossContract } from "./losses.ts";
import { holding, type OpenAdapter, SharedBench } from "./shared_bench.ts";

const HOUR = 3_600_000;
const NOTHING: Reservation = { tokens: 0, micros: 0 };

/** Declares the tests of one adapter. */
export function sharedContract(name: string, adapter: OpenAdapter): void {
  const test: DeclareTest = (what, run, window = "calendar", open = adapter.open) =>
    Deno.test({
      ...unless(adapter.reason, `${name}: ${what}`),
      async fn() {
        const bench = await SharedBench.open({ open }, window);
        try {
          await run(bench);
        } finally {
          await bench.limits.close();
        }
      },
    });

  test("requests per minute count over all replicas, and pass again after resetMs and not before", async (bench) => {
    const limits = { t: { requestsPerMinute: 2 } };
    bench.clock.pass(123_456);
    assertEquals(await bench.outcome(limits, { id: "a1", replica: "a" }), "taken");
    bench.clock.pass(20_000);
    assertEquals(await bench.outcome(limits, { id: "b1", replica: "b" }), "taken");
    const result = await bench.take(limits, { id: "a2", replica: "a" });
    assert(result.kind === "rejected" && result.rejection.kind === "requests_per_minute");
    assert(result.rejection.resetMs > 40_000 && result.rejection.resetMs <= 42_000);
    for (const replica of ["a", "b"]) await bench.renew(replica);
    bench.clock.pass(REPLICA_LIFETIME_MS / 2);
    let left = result.rejection.resetMs - REPLICA_LIFETIME_MS / 2;
    for (; left > 5_000; left -= 5_000) {
      bench.clock.pass(5_000);
      await bench.renew("a");
    }
    bench.clock.pass(left - 1);
    assertEquals(await bench.outcome(limits, { id: "a3" }), "requests_per_minute");
    bench.clock.pass(1);
    assertEquals(await bench.outcome(limits, { id: "a4" }), "taken");
  });

  test("requests at the same time count over all replicas, until they are settled", async (bench) => {
    const limits = { t: { concurrentRequests: 2 } };
    assertEquals(await bench.outcome(limits, { id: "1", replica: "a" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "2", replica: "b" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "3", replica: "a" }), "concurrent_requests");
    assertEquals(await bench.settle("1"), true);
    assertEquals(await bench.settle("1"), false);
    assertEquals(await bench.outcome(limits, { id: "4", replica: "b" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "5", replica: "b" }), "concurrent_requests");
  });

  test("tokens per minute: what is reserved counts, then what was used", async (bench) => {
    const limits = { t: { tokensPerMinute: 100 } };
    const reservation = { tokens: 99, micros: 0 };
    assertEquals(await bench.outcome(limits, { id: "1", reservation }), "taken");
    assertEquals(await bench.outcome(limits, { id: "2", replica: "b", reservation }), "taken");
    const full = await bench.take(limits, { id: "3" });
    assertEquals(full, {
      kind: "rejected",
      index: 0,
      rejection: { kind: "tokens_per_minute", resetMs: 1_000 },
    });
    assertEquals(await bench.outcome(limits, { id: "free", isFree: true }), "taken");
    await bench.settle("1", { tokens: 60 });
    await bench.settle("2", { tokens: 39 });
    assertEquals(await bench.outcome(limits, { id: "4" }), "taken");
    await bench.settle("4", { tokens: 1 });
    const used = await bench.take(limits, { id: "5" });
    assertEquals(used, {
      kind: "rejected",
      index: 0,
      rejection: { kind: "tokens_per_minute", resetMs: 61_000 },
    });
  });

  test("a request counts for all of its ledgers or for none", async (bench) => {
    const both = { t: { concurrentRequests: 5 }, p: { concurrentRequests: 1 } };
    assertEquals(await bench.outcome(both, { id: "1" }), "taken");
    const result = await bench.take(both, { id: "2", reservation: { tokens: 7, micros: 7 } });
    assertEquals(result, { kind: "rejected", index: 1, rejection: { kind: "concurrent_requests" } });
    assertEquals(await bench.settle("2"), false);
    assertEquals(await bench.outcome({ t: { concurrentRequests: 2 } }, { id: "3" }), "taken");
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 3 } }, { id: "4" }), "taken");
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 3 } }, { id: "5" }), "requests_per_minute");
  });

  test("max_requests counts from what the database knows", async (bench) => {
    const asked = (id: string) => ({ id, maxRequests: 5 });
    const ledgers = [{ key: "t", limits: {}, maxRequests: 5 }];
    const spans = new BudgetCalendar({ timeZone: "UTC", window: "calendar" }).spans(bench.hour);
    const take = {
      id: "0",
      from: bench.from("a"),
      ledgers,
      reservation: NOTHING,
      isFree: true,
      hour: bench.hour,
      spans,
    };
    assertEquals(await bench.limits.take(take), { kind: "unseeded", keys: ["t"] });
    await bench.raise([{ key: "t", requests: 3, totalMicros: 0, hours: [] }]);
    assertEquals(await bench.outcome({ t: {} }, asked("1")), "taken");
    await bench.raise([{ key: "t", requests: 2, totalMicros: 0, hours: [] }]);
    assertEquals(await bench.outcome({ t: {} }, asked("2")), "taken");
    assertEquals(await bench.outcome({ t: {} }, asked("3")), "max_requests");
  });

  test("a budget has what is spent and what is reserved, and says until when it is spent", async (bench) => {
    const limits = { t: { dayBudgetMicros: 100 } };
    const reservation = { tokens: 0, micros: 60 };
    bench.clock.pass(5 * HOUR + 1);
    await bench.renew("a");
    await bench.renew("b");
    assertEquals(await bench.outcome(limits, { id: "1", reservation }), "taken");
    assertEquals(await bench.outcome(limits, { id: "2", replica: "b", reservation }), "taken");
    assertEquals(await bench.take(limits, { id: "3" }), {
      kind: "rejected",
      index: 0,
      rejection: { kind: "budget", period: "day", isSpent: false, resetMs: undefined },
    });
    await bench.settle("1", { micros: 10 });
    assertEquals(await bench.outcome(limits, { id: "4" }), "taken");
    await bench.settle("2", { micros: 90 });
    assertEquals(await bench.take(limits, { id: "5" }), {
      kind: "rejected",
      index: 0,
      rejection: { kind: "budget", period: "day", isSpent: true, resetMs: 19 * HOUR - 1 },
    });
    assertEquals(await bench.outcome(limits, { id: "6", isFree: true }), "taken");
    bench.clock.pass(19 * HOUR);
    await bench.renew("a");
    assertEquals(await bench.outcome(limits, { id: "7" }), "taken");
  });

  test("a rolling budget is free again when it has dropped enough hours", async (bench) => {
    const limits = { t: { dayBudgetMicros: 100 } };
    for (const [id, micros] of [["1", 30], ["2", 40], ["3", 50]] as const) {
      await bench.renew("a");
      assertEquals(await bench.outcome(limits, { id }), "taken");
      await bench.settle(id, { micros });
      bench.clock.pass(HOUR);
    }
    await bench.renew("a");
    const result = await bench.take(limits, { id: "4" });
    assertEquals(result, {
      kind: "rejected",
      index: 0,
      rejection: { kind: "budget", period: "day", isSpent: true, resetMs: 22 * HOUR },
    });
    bench.clock.pass(22 * HOUR - 1);
    await bench.renew("a");
    assertEquals(await bench.outcome(limits, { id: "5" }), "budget");
    bench.clock.pass(1);
    assertEquals(await bench.outcome(limits, { id: "6" }), "taken");
  }, "rolling");

  test("week, month and total budgets count the spending that the database knows", async (bench) => {
    const balance: LedgerBalance = {
      key: "t",
      requests: 0,
      totalMicros: 1_000,
      // The clock shows Wednesday, 29 April.
      hours: [
        { start: bench.hour - 20 * 24 * HOUR, micros: 100 },
        { start: bench.hour - 24 * HOUR, micros: 10 },
        { start: bench.hour, micros: 1 },
      ],
    };
    await bench.raise([balance]);
    await bench.raise([balance]);
    const ids = (function* () {
      for (let id = 0;; id++) yield String(id);
    })();
    const passes = async (limits: Limits): Promise<boolean> =>
      await bench.outcome({ t: limits }, { id: ids.next().value }) === "taken";
    assertEquals([await passes({ dayBudgetMicros: 2 }), await passes({ dayBudgetMicros: 1 })], [true, false]);
    assertEquals([await passes({ weekBudgetMicros: 12 }), await passes({ weekBudgetMicros: 11 })], [
      true,
      false,
    ]);
    assertEquals(
      [await passes({ monthBudgetMicros: 112 }), await passes({ monthBudgetMicros: 111 })],
      [true, false],
    );
    assertEquals(
      [await passes({ totalBudgetMicros: 1_001 }), await passes({ totalBudgetMicros: 1_000 })],
      [true, false],
    );
    const result = await bench.take({ t: { totalBudgetMicros: 1_000 } }, { id: ids.next().value });
    assertEquals(result, {
      kind: "rejected",
      index: 0,
      rejection: { kind: "budget", period: "total", isSpent: true, resetMs: undefined },
    });
  });

  test("a cost counts once, on its page or in the balance that has the page, in any order of messages", async (bench) => {
    const { limits, hour } = bench;
    const passes = async (budget: number): Promise<boolean> => {
      const id = `probe ${budget}`;
      const budgets = { t: { dayBudgetMicros: budget, totalBudgetMicros: budget } };
      const isTaken = await bench.outcome(budgets, { id }) === "taken";
      if (isTaken) await bench.settle(id);
      return isTaken;
    };
    const assertSpent = async (micros: number): Promise<void> =>
      assertEquals([await passes(micros), await passes(micros + 1)], [false, true], `${micros} are spent`);
    const raise = (micros: number, pages: Record<string, number>, isPart = false) =>
      bench.raise(
        [{ key: "t", requests: 0, totalMicros: micros, hours: [{ start: hour, micros }], isPart }],
        pages,
      );
    const cost = (page: number, micros: number) => ({ key: "t", page, hour, micros });
    const tell = (replica: string, ...costs: Cost[]) =>
      limits.hold({ from: bench.from(replica), holdings: [], costs });
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 1_000 } }, { id: "1" }), "taken");
    assertEquals(await bench.settle("1", { micros: 50 }), true);
    await assertSpent(50);
    await tell("a", cost(1, 50), cost(2, 7));
    await tell("a", cost(2, 5));
    await tell("b", cost(1, 20));
    await assertSpent(77);
    // The database has the first page of `a`, and 100 of others that the counts have lost.
    await raise(150, { a: 1, c: 9 });
    await assertSpent(177);
    await raise(120, {});
    await tell("a", cost(1, 60));
    await assertSpent(177);
    await raise(177, { a: 2, b: 1 }, true);
    await assertSpent(177);
    // A message that comes late.
    await limits.settle({ from: bench.from("b"), id: "late", tokens: 0, costs: [cost(1, 20)] });
    await assertSpent(177);
    await tell("b", cost(2, 3));
    await assertSpent(180);
  });

  test("messages that arrive twice count once", async (bench) => {
    const limits = { t: { concurrentRequests: 2, totalBudgetMicros: 100, requestsPerMinute: 2 } };
    const asked = { id: "1", reservation: { tokens: 5, micros: 40 } };
    for (const _ of ["first", "second"]) assertEquals(await bench.outcome(limits, asked), "taken");
    for (const micros of [40, 41]) {
      const outcome = await bench.outcome({ t: { totalBudgetMicros: micros } }, { id: `${micros}` });
      assertEquals(outcome, micros === 40 ? "budget" : "taken");
    }
    assertEquals(await bench.settle("41"), true);
    for (const isFirst of [true, false]) assertEquals(await bench.settle("1"), isFirst);
    assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "2" }), "taken");
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 3 } }, { id: "3" }), "requests_per_minute");
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 4 } }, { id: "4" }), "taken");
  });

  test("a message of an earlier session holds nothing", async (bench) => {
    const limits = { t: { concurrentRequests: 3, totalBudgetMicros: 100 } };
    const reservation = { tokens: 0, micros: 40 };
    assertEquals(await bench.outcome(limits, { id: "1", reservation }), "taken");
    const late = bench.takeOf(limits, { id: "late", reservation });
    const earlier = bench.from("a");
    bench.nextSession("a");
    assertEquals((await bench.renew("a", [])).isKnown, false);
    assertEquals(await bench.limits.take(late), { kind: "unknown_replica" });
    await bench.limits.hold({ from: earlier, holdings: [holding("1", { micros: 40 })], costs: [] });
    assertEquals(await bench.outcome(limits, { id: "2", reservation }), "taken");
    const renewal = await bench.limits.renew({ from: earlier, waitsMark: 0, heldIds: [] });
    assertEquals(renewal.isKnown, false);
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 40 } }, { id: "3" }), "budget");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 41 } }, { id: "4" }), "taken");
    assertEquals(await bench.outcome({ t: { concurrentRequests: 2 } }, { id: "5" }), "concurrent_requests");
    assertEquals(await bench.outcome({ t: { concurrentRequests: 3 } }, { id: "6" }), "taken");
  });

  test("four requests run while the budget does not cover their highest costs", async (bench) => {
    const limits = { t: { totalBudgetMicros: 1_000 } };
    const reservation = { tokens: 0, micros: 10, mostMicros: 2_000 };
    for (let id = 0; id < 4; id++) {
      const replica = id % 2 === 0 ? "a" : "b";
      assertEquals(await bench.outcome(limits, { id: `${id}`, replica, reservation }), "taken");
    }
    assertEquals(await bench.outcome(limits, { id: "4", reservation }), "optimistic");
    assertEquals(await bench.outcome(limits, { id: "5", reservation: { tokens: 0, micros: 10 } }), "taken");
    await bench.hold([holding("2", { keys: ["t"], micros: 20, excessMicros: 1_990 })]);
    assertEquals(await bench.outcome(limits, { id: "6", reservation }), "optimistic");
    await bench.settle("2");
    assertEquals(await bench.outcome(limits, { id: "7", reservation }), "taken");
  });

  test("what a request holds can change, and the change ends with it", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100, tokensPerMinute: 100, concurrentRequests: 2 } };
    assertEquals(await bench.outcome(limits, { id: "1", reservation: { tokens: 5, micros: 5 } }), "taken");
    await bench.hold([holding("1", { tokens: 5, micros: 100 })]);
    assertEquals(await bench.outcome(limits, { id: "2" }), "budget");
    // The request hands its money over to an object, and its tokens count from now on.
    const object = holding("object", { owner: NO_REPLICA, isRunning: false, micros: 60 });
    await bench.hold([holding("1"), object]);
    await bench.limits.count({ keys: ["t"], requests: 0, tokens: 5 });
    await bench.settle("1");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 60 } }, { id: "3" }), "budget");
    assertEquals(await bench.outcome({ t: { tokensPerMinute: 5 } }, { id: "4" }), "tokens_per_minute");
    bench.clock.pass(REPLICA_LIFETIME_MS + 1 + RESERVED_MS);
    await bench.renew("b");
    await bench.renew("a");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 60 } }, { id: "5" }), "budget");
    // The database has its cost.
    await bench.raise([{ key: "t", requests: 0, totalMicros: 40, hours: [] }]);
    assertEquals(await bench.settle("object"), true);
    assertEquals(await bench.settle("object"), false);
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 41 } }, { id: "6" }), "taken");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 40 } }, { id: "7" }), "budget");
  });

  test("a reservation of no replica ends if no replica tells it for three hours", async (bench) => {
    const limits = { t: { totalBudgetMicros: 60 } };
    const told = holding("told", { owner: NO_REPLICA, isRunning: false, micros: 20 });
    const untold = holding("untold", { owner: NO_REPLICA, isRunning: false, micros: 40 });
    const pass = async (ms: number): Promise<void> => {
      bench.clock.pass(ms);
      // The first message is that of a replica which is not known any more.
      for (const replica of ["a", "a", "b", "b"]) await bench.renew(replica);
    };
    await bench.hold([told, untold]);
    await pass(UNTOLD_MS);
    assertEquals(await bench.outcome(limits, { id: "1" }), "budget");
    await bench.hold([told], "b");
    await pass(1);
    assertEquals(await bench.outcome(limits, { id: "2", reservation: { tokens: 0, micros: 40 } }), "taken");
    assertEquals(await bench.outcome(limits, { id: "3" }), "budget");
    assertEquals(await bench.settle("2"), true);
    assertEquals([await bench.settle("told"), await bench.settle("untold")], [true, false]);
  });

  test("a replica replaces all that it holds, and leaves", async (bench) => {
    const limits = { t: { concurrentRequests: 2 } };
    assertEquals(await bench.outcome(limits, { id: "1" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "2" }), "taken");
    await bench.renew("a", [holding("2")]);
    assertEquals(await bench.outcome(limits, { id: "3", replica: "b" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "4", replica: "b" }), "concurrent_requests");
    await bench.limits.leave("a");
    assertEquals(await bench.outcome(limits, { id: "5", replica: "b" }), "taken");
    assertEquals(await bench.outcome(limits, { id: "6", replica: "a" }), "unknown_replica");
  });

  test("a holding that is there already changes nothing, and keeps the budgets that it may exceed", async (bench) => {
    const limits = { t: { totalBudgetMicros: 1_000, concurrentRequests: 20 } };
    const reservation = { tokens: 3, micros: 10, mostMicros: 2_000 };
    const ids = ["0", "1", "2", "3"];
    for (const id of ids) assertEquals(await bench.outcome(limits, { id, reservation }), "taken");
    const same = ids.map((id) => holding(id, { tokens: 3, micros: 10, excessMicros: 1_990 }));
    await bench.renew("a", [...same, ...same]);
    assertEquals(await bench.outcome(limits, { id: "4", reservation }), "optimistic");
    assertEquals(await bench.outcome({ t: { concurrentRequests: 4 } }, { id: "5" }), "concurrent_requests");
    assertEquals(await bench.outcome({ t: { tokensPerMinute: 12 } }, { id: "6" }), "tokens_per_minute");
    assertEquals(await bench.outcome({ t: { totalBudgetMicros: 40 } }, { id: "7" }), "budget");
    assertEquals(
      await bench.outcome({ t: { totalBudgetMicros: 41, concurrentRequests: 5 } }, { id: "8" }),
      "taken",
    );
  });

  test("a part of a balance raises the counts and does not complete the ledger", async (bench) => {
    const spans = new BudgetCalendar({ timeZone: "UTC", window: "calendar" }).spans(bench.hour);
    const take = {
      id: "1",
      from: bench.from("a"),
      ledgers: [{ key: "t", limits: { dayBudgetMicros: 10 }, maxRequests: undefined }],
      reservation: NOTHING,
      isFree: false,
      hour: bench.hour,
      spans,
    };
    const hours = [{ start: bench.hour, micros: 10 }];
    await bench.raise([{ key: "t", requests: 0, totalMicros: 10, hours, isPart: true }]);
    assertEquals(await bench.limits.take(take), { kind: "unseeded", keys: ["t"] });
    await bench.raise([{ key: "t", requests: 0, totalMicros: 10, hours: [] }]);
    assertEquals((await bench.limits.take(take)).kind, "rejected");
  });

  test("the hour of a request must be the present one by the adapter's clock", async (bench) => {
    const result = await bench.take({ t: { dayBudgetMicros: 1 } }, { id: "1", hour: bench.hour - HOUR });
    assertEquals(result, { kind: "other_hour", epochMs: bench.clock.epochMs() });
    assertEquals((await bench.renew("a")).epochMs, bench.clock.epochMs());
  });

  test("pages of lists count within the minute without a check", async (bench) => {
    await bench.limits.count({ keys: ["t"], requests: 3, tokens: 0 });
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 4 } }, { id: "1" }), "taken");
    assertEquals(await bench.outcome({ t: { requestsPerMinute: 4 } }, { id: "2" }), "requests_per_minute");
  });

  test("different wrong tokens of an address count over all replicas, and every replica learns of the wait", async (bench) => {
    const { limits } = bench;
    for (let guess = 0; guess < 4; guess++) {
      assertEquals(await limits.guess("192.0.2.1", `g${guess}`), { group: "192.0.2.1", waitMs: 0 });
      await limits.guess("192.0.2.1", "g0");
    }
    assertEquals(await limits.guess("192.0.2.1", "g4"), { group: "192.0.2.1", waitMs: 15_000 });
    bench.clock.pass(1_000);
    const first = await bench.renew("b");
    assertEquals(first.waits, [{ group: "192.0.2.1", waitMs: 14_000 }]);
    const again = await limits.renew({ from: bench.from("b"), waitsMark: first.waitsMark });
    assertEquals([again.waits, again.waitsMark], [[], first.waitsMark]);
    assertEquals(await limits.guess("192.0.2.1", "g5"), { group: "192.0.2.1", waitMs: 30_000 });
    const longer = await limits.renew({ from: bench.from("b"), waitsMark: first.waitsMark });
    assertEquals(longer.waits, [{ group: "192.0.2.1", waitMs: 30_000 }]);
    assertEquals(await limits.guess("192.0.2.2", "g0"), { group: "192.0.2.2", waitMs: 0 });
  });

  lossContract(name, adapter, test);
}
