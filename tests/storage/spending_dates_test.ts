import { assertEquals } from "@std/assert";
import { SpendingDates } from "../../src/storage/spending_dates.ts";
import { StoreError } from "../../src/storage/store.ts";
import { within } from "../support/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("SpendingDates: flushes the queue first, and retries failures in their order", async () => {
  const clock = new FakeClock();
  const done: string[] = [];
  let works = false;
  const failed = Promise.withResolvers<void>();
  const again = Promise.withResolvers<void>();
  const dates = new SpendingDates({
    dateSpending(hour) {
      if (!works) return Promise.reject(new StoreError("busy", "another program holds it"));
      done.push(`date ${hour}`);
      if (hour === 2) again.resolve();
      return Promise.resolve();
    },
  }, {
    clock,
    writer: { flush: () => Promise.resolve(void done.push("flush")) },
    onFailed(reason) {
      done.push(reason);
      failed.resolve();
    },
  });
  dates.date(1);
  await within(failed.promise, "the failure");
  works = true;
  dates.date(2);
  await within(again.promise, "the next try");
  await dates.close();
  assertEquals(done, ["flush", "another program holds it", "flush", "date 1", "flush", "date 2"]);
  assertEquals(clock.pending, 0);
});

Deno.test("SpendingDates: retries after a time, and at the end", async () => {
  const clock = new FakeClock();
  let tries = 0;
  const tried = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const dates = new SpendingDates({
    dateSpending: () => Promise.reject(new StoreError("busy", "another program holds it")),
  }, {
    clock,
    writer: { flush: () => Promise.resolve() },
    onFailed: () => tried[tries++]?.resolve(),
  });
  dates.date(1);
  await tried[0]?.promise;
  clock.pass(60_000);
  await tried[1]?.promise;
  await dates.close();
  assertEquals([tries, clock.pending], [3, 0]);
});

Deno.test("SpendingDates: an unexpected error is tried again like one of the store, and stops no later correction", async () => {
  const clock = new FakeClock();
  const reasons: string[] = [];
  const dated: number[] = [];
  let bug: Error | undefined = new TypeError("cannot read x");
  const failed = Promise.withResolvers<void>();
  const dates = new SpendingDates({
    dateSpending: (hour) => bug === undefined ? Promise.resolve(void dated.push(hour)) : Promise.reject(bug),
  }, {
    clock,
    writer: { flush: () => Promise.resolve() },
    onFailed(reason) {
      reasons.push(reason);
      failed.resolve();
    },
  });
  dates.date(1);
  await within(failed.promise, "the failure");
  bug = undefined;
  dates.date(2);
  await dates.close();
  assertEquals([reasons, dated], [["cannot read x"], [1, 2]]);
});
