import { assertEquals } from "@std/assert";
import type { ClockEvent } from "../../src/limits/budget_clock.ts";
import { clockWatcher } from "../../src/management/spending.ts";

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
