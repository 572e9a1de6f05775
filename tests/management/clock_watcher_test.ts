import { assertEquals } from "@std/assert";
import type { ClockEvent } from "../../src/limits/budget_clock.ts";
import { clockWatcher } from "../../src/management/spending.ts";

const HOUR = Date.UTC(2026, 10, 29, 12);

/** What is logged of these events, and to which hours spending is dated. */
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

Deno.test("clockWatcher: a clock that is set back by a minute at most is not logged, and dates spending all the same", () => {
  const setBack = (byMs: number) => watched([{ kind: "set_back", hour: HOUR, byMs }]);
  assertEquals(setBack(60_000), { logged: [], dated: [HOUR] });
  assertEquals(setBack(60_001), { logged: ["clock_set_back"], dated: [HOUR] });
});

Deno.test("clockWatcher: a clock that becomes right is logged and dates spending once, where something was booked before", () => {
  const right: ClockEvent = { kind: "right", hour: HOUR, byMs: 0 };
  assertEquals(watched([right]), { logged: [], dated: [] });
  assertEquals(watched([right, right], { hasUndated: true }), { logged: ["clock_right"], dated: [HOUR] });
  const wrong: ClockEvent = { kind: "wrong", shownMs: 0 };
  assertEquals(watched([wrong, right]), { logged: ["clock_wrong", "clock_right"], dated: [HOUR] });
});
