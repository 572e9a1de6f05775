import { assertEquals } from "@std/assert";
import type { ClockEvent } from "../../src/limits/budget_clock.ts";
import { MemoryLimits } from "../../src/limits/shared/memory_limits.ts";
import { Replica } from "../../src/limits/shared/replica.ts";
import { clockWatcher, openLimiter } from "../../src/management/spending.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const HOUR_MS = 3_600_000;
const HOUR = Date.UTC(2026, 10, 29, 12);

/** The log events of clock events, and the hours that spending moves to. */
function watched(events: readonly ClockEvent[], { hasUndated = false } = {}) {
  const logged: string[] = [];
  const dated: number[] = [];
  const watch = clockWatcher((_level, event) => void logged.push(event), {
    dates: { date: (hour) => void dated.push(hour) },
    hasUndated,
  });
  for (const event of events) watch(event);
  return { logged, dated };
}

Deno.test("clockWatcher: a step back of at most a minute is not logged, and moves spending", () => {
  const setBack = (byMs: number) => watched([{ kind: "set_back", hour: HOUR, byMs }]);
  assertEquals(setBack(60_000), { logged: [], dated: [HOUR] });
  assertEquals(setBack(60_001), { logged: ["clock_set_back"], dated: [HOUR] });
});

Deno.test("clockWatcher: a corrected clock is logged and moves spending once, if something was booked before", () => {
  const right: ClockEvent = { kind: "right", hour: HOUR, byMs: 0 };
  assertEquals(watched([right]), { logged: [], dated: [] });
  assertEquals(watched([right, right], { hasUndated: true }), { logged: ["clock_right"], dated: [HOUR] });
  const wrong: ClockEvent = { kind: "wrong", shownMs: 0 };
  assertEquals(watched([wrong, right]), { logged: ["clock_wrong", "clock_right"], dated: [HOUR] });
});

Deno.test("openLimiter: the spending of all replicas stays in its hour if the clock of one machine is set back", async () => {
  const clock = new FakeClock(HOUR_MS);
  let setMs = 0;
  const local = { now: clock.now, after: clock.after, epochMs: () => clock.epochMs() + setMs };
  const replica = await Replica.join({
    limits: new MemoryLimits(clock),
    clock: local,
    timeoutMs: 500,
    id: "a",
    readBalances: () => Promise.resolve({ balances: [], pages: {} }),
    onHealth() {},
    onWaits() {},
    onFailed() {},
  });
  const events: ClockEvent["kind"][] = [];
  const { limiter } = await openLimiter({ readSpending: () => Promise.resolve([]) }, {
    clock: local,
    config: {},
    onClock: ({ kind }) => events.push(kind),
    replica,
  });
  limiter.readClock();
  setMs = -HOUR_MS;
  assertEquals(limiter.bookingOf([]).hour, FakeClock.START + HOUR_MS);
  assertEquals(events, ["right"]);
  await replica.close();
});
