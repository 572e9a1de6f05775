/** What adapters on a server do if the clock of the server is set. */

import { assert, assertEquals } from "@std/assert";
import { LONGEST_WAIT_MS } from "../../../src/limits/shared/guess_waits.ts";
import {
  NO_REPLICA,
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  TELLING_MS,
  UNTOLD_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { unless } from "../../support/runner/left_out.ts";
import { holding, type OpenAdapter, SharedBench } from "./shared_bench.ts";

const DAY_MS = 86_400_000;
/** A minute as limits count it, from the latest second that counts after a step. */
const MOST_WINDOW_MS = 123_000;
/** A replica renews far more often than this. */
const RENEWALS_MS = REPLICA_LIFETIME_MS / 2;

/** Lets time pass, while a replica renews. */
async function passWith(bench: SharedBench, replica: string, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= RENEWALS_MS) {
    bench.clock.pass(Math.min(left, RENEWALS_MS));
    await bench.renew(replica);
  }
}

/** Declares the tests of one adapter. */
export function clockStepTests(name: string, adapter: OpenAdapter): void {
  const test = (what: string, run: (bench: SharedBench) => Promise<void>) =>
    Deno.test({
      ...unless(adapter.reason, `${name}: after the server's clock is set ${what}`),
      async fn() {
        const bench = await SharedBench.open(adapter);
        try {
          await run(bench);
        } finally {
          await bench.limits.close();
        }
      },
    });

  test("back, a dead replica has its slots and reservations for no longer than otherwise", async (bench) => {
    const limits = { t: { concurrentRequests: 1, totalBudgetMicros: 100 } };
    const other = { o: { totalBudgetMicros: 100 } };
    const reservation = { tokens: 0, micros: 100 };
    assertEquals(await bench.outcome(other, { id: "1", replica: "b", reservation }), "taken");
    await passWith(bench, "a", REPLICA_LIFETIME_MS);
    assertEquals(await bench.outcome(limits, { id: "2", reservation }), "taken");
    await bench.renew("c", []);
    bench.clock.pass(-DAY_MS);
    await bench.renew("c");
    await passWith(bench, "c", REPLICA_LIFETIME_MS);
    const slot = { t: { concurrentRequests: 1 } };
    assertEquals(await bench.outcome(slot, { id: "3", replica: "c" }), "taken");
    assertEquals(await bench.settle("3", { replica: "c" }), true);
    assertEquals(await bench.outcome(limits, { id: "4", replica: "c" }), "budget");
    await passWith(bench, "c", RESERVED_MS);
    assertEquals(await bench.outcome(limits, { id: "5", replica: "c" }), "taken");
    assertEquals(await bench.outcome(other, { id: "6", replica: "c" }), "taken");
  });

  test("back, requests under a budget wait no longer than otherwise", async (bench) => {
    bench.clock.pass(-DAY_MS);
    const limits = { t: { totalBudgetMicros: 100 } };
    const result = await bench.take(limits, { id: "1" });
    assert(result.kind !== "telling" || result.waitMs <= TELLING_MS, JSON.stringify(result));
    await bench.renew("a");
    bench.clock.pass(TELLING_MS);
    assertEquals(await bench.outcome(limits, { id: "2" }), "taken");
  });

  test("back, the requests and tokens of a minute do not count for hours", async (bench) => {
    const limits = { t: { requestsPerMinute: 1, tokensPerMinute: 10 } };
    assertEquals(await bench.outcome(limits, { id: "1" }), "taken");
    assertEquals(await bench.settle("1", { tokens: 10 }), true);
    assertEquals(await bench.outcome(limits, { id: "2" }), "requests_per_minute");
    bench.clock.pass(-DAY_MS);
    await passWith(bench, "a", MOST_WINDOW_MS);
    assertEquals(await bench.outcome(limits, { id: "3" }), "taken");
  });

  test("back, no address waits for longer than otherwise", async (bench) => {
    for (let guess = 0; guess < 9; guess++) await bench.limits.guess("192.0.2.1", `g${guess}`);
    bench.clock.pass(-DAY_MS);
    const { waits: [wait] } = await bench.renew("a");
    assert(wait === undefined || wait.waitMs <= LONGEST_WAIT_MS, JSON.stringify(wait));
    const { waitMs } = await bench.limits.guess("192.0.2.1", "g1");
    assert(waitMs <= LONGEST_WAIT_MS, `${waitMs}`);
  });

  test("back, a reservation that no replica tells ends in time", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100 } };
    await bench.hold([holding("object", { owner: NO_REPLICA, isRunning: false, micros: 100 })]);
    bench.clock.pass(-DAY_MS);
    await bench.renew("a");
    bench.clock.pass(UNTOLD_MS + 1);
    await bench.renew("a", []);
    await passWith(bench, "a", RENEWALS_MS);
    assertEquals(await bench.outcome(limits, { id: "1" }), "taken");
  });

  test("forward, all replicas have time to tell the reservations again", async (bench) => {
    const limits = { t: { totalBudgetMicros: 100 } };
    const object = holding("object", { owner: NO_REPLICA, isRunning: false, micros: 100 });
    await bench.hold([object], "b");
    bench.clock.pass(DAY_MS);
    assertEquals((await bench.renew("a")).isKnown, false);
    bench.clock.pass(TELLING_MS / 2);
    assertEquals((await bench.renew("a")).isKnown, true);
    assertEquals(await bench.outcome(limits, { id: "1" }), "budget");
    await bench.renew("b", [object]);
    await passWith(bench, "a", TELLING_MS);
    assertEquals(await bench.outcome(limits, { id: "2" }), "budget");
    assertEquals(await bench.settle("object"), true);
  });
}
