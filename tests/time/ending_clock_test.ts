import { assertEquals } from "@std/assert";
import { EndingClock } from "../../src/time/ending_clock.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("EndingClock: its end cancels its timers, ends its waits, and starts no more", async () => {
  const clock = new FakeClock();
  const ending = new EndingClock(clock);
  const calls: string[] = [];
  ending.after(10, () => calls.push("in time"));
  ending.after(30, () => calls.push("late"));
  clock.pass(20);
  const waiting = ending.wait(1_000).then(() => calls.push("woken"));
  ending.end();
  await waiting;
  ending.after(10, () => calls.push("after the end"));
  await ending.wait(10);
  clock.pass(2_000);
  assertEquals(calls, ["in time", "woken"]);
});

Deno.test("EndingClock: a cancelled timer does not run", () => {
  const clock = new FakeClock();
  const ending = new EndingClock(clock);
  let runs = 0;
  const cancel = ending.after(10, () => runs++);
  cancel();
  clock.pass(20);
  assertEquals(runs, 0);
});
