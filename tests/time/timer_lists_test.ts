import { assertEquals } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { TimerLists } from "../../src/time/timer_lists.ts";

Deno.test("TimerLists: timers fire in the order of their deadlines, and a cancelled one never fires", async () => {
  const timers = new TimerLists();
  const fired: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  timers.after(20, () => {
    fired.push("late");
    resolve();
  });
  timers.after(1, () => fired.push("first"));
  const cancelMiddle = timers.after(1, () => fired.push("cancelled"));
  timers.after(1, () => fired.push("second"));
  timers.after(0.4, () => fired.push("rounded up"));
  cancelMiddle();
  cancelMiddle();
  await within(promise, "the last timer");
  assertEquals(fired.toSorted(), ["first", "late", "rounded up", "second"]);
  assertEquals(fired.at(-1), "late");
  assertEquals(fired.indexOf("first") < fired.indexOf("second"), true);
});

Deno.test("TimerLists: a timer can set and cancel others", async () => {
  const timers = new TimerLists();
  const fired: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let cancelThird = () => {};
  timers.after(1, () => {
    fired.push("first");
    cancelThird();
    timers.after(1, () => {
      fired.push("set by the first");
      resolve();
    });
  });
  timers.after(1, () => fired.push("second"));
  cancelThird = timers.after(1, () => fired.push("third"));
  await within(promise, "the timer that a timer has set");
  assertEquals(fired, ["first", "second", "set by the first"]);
});

Deno.test("TimerLists: after the last timer is cancelled none of the runtime is left, and the list can be used again", async () => {
  const timers = new TimerLists();
  for (let round = 0; round < 3; round++) timers.after(600_000, () => {})();
  for (let delay = 1; delay <= 200; delay++) timers.after(delay + 600_000, () => {})();
  const { promise, resolve } = Promise.withResolvers<void>();
  timers.after(1, resolve);
  // The sanitizer of the test would find a timer that is still set.
  await within(promise, "a timer after cancelled ones");
});

Deno.test("TimerLists: a delay of a month sets no timer of the runtime that fires at once", () => {
  const delays: unknown[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>) => {
    delays.push(args[1]);
    return setTimeout(...args);
  }, setTimeout);
  try {
    new TimerLists().after(30 * 24 * 3_600_000, () => {})();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(delays, [2 ** 31 - 1]);
});
