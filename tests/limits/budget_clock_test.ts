import { assertEquals } from "@std/assert";
import { BudgetClock, type ClockEvent } from "../../src/limits/budget_clock.ts";
import { MovedClock } from "../support/time/moved_clock.ts";

const HOUR = 3_600_000;
const TODAY = Date.UTC(2026, 10, 29, 12, 30);

function watched(clock: MovedClock, latest: { booked?: number; dated?: number } = {}) {
  const events: ClockEvent[] = [];
  const budgetClock = new BudgetClock(clock, {
    latest: { booked: latest.booked, dated: latest.dated },
    onEvent: (event) => events.push(event),
  });
  return { budgetClock, events };
}

Deno.test("BudgetClock: returns the time of the clock, and that the clock is right", () => {
  const clock = new MovedClock(TODAY);
  const { budgetClock, events } = watched(clock);
  assertEquals(budgetClock.read(), { epochMs: TODAY, hour: TODAY - HOUR / 2, isDated: true });
  clock.pass(40 * 24 * HOUR);
  clock.set(clock.epochMs() + 9 * HOUR);
  budgetClock.read();
  assertEquals(events.map(({ kind }) => kind), ["right"], "a jump forward may be a machine that slept");
});

Deno.test("BudgetClock: a clock in 1970 is wrong until it jumps, and time continues from the latest booking", () => {
  const clock = new MovedClock(5_000);
  const latest = Date.UTC(2026, 10, 28, 22);
  const { budgetClock, events } = watched(clock, { booked: latest, dated: latest });
  assertEquals(budgetClock.read(), { epochMs: latest, hour: latest, isDated: false });
  clock.pass(3 * HOUR);
  assertEquals(budgetClock.read().epochMs, latest + 3 * HOUR);
  clock.set(TODAY);
  assertEquals(budgetClock.read(), { epochMs: TODAY, hour: TODAY - HOUR / 2, isDated: true });
  assertEquals(events.map(({ kind }) => kind), ["wrong", "right"]);
});

Deno.test("BudgetClock: without a booking, time starts in 1970 until the clock jumps", () => {
  const clock = new MovedClock(5_000);
  const { budgetClock } = watched(clock);
  assertEquals(budgetClock.read(), { epochMs: 5_000, hour: 0, isDated: false });
  clock.pass(HOUR);
  assertEquals(budgetClock.read().hour, HOUR);
});

Deno.test("BudgetClock: a clock that is behind the latest booking is wrong until it has caught up", () => {
  const clock = new MovedClock(TODAY - 24 * HOUR);
  const { budgetClock, events } = watched(clock, { booked: TODAY - HOUR / 2, dated: TODAY - HOUR / 2 });
  assertEquals(budgetClock.read().isDated, false);
  clock.pass(23.5 * HOUR);
  assertEquals(budgetClock.read(), { epochMs: TODAY - HOUR / 2, hour: TODAY - HOUR / 2, isDated: true });
  assertEquals(events.map(({ kind }) => kind), ["wrong", "right"]);
});

Deno.test("BudgetClock: reports a clock that is set back to another hour, and by how much", () => {
  const clock = new MovedClock(TODAY);
  const { budgetClock, events } = watched(clock);
  budgetClock.read();
  clock.pass(1_000);
  clock.set(clock.epochMs() - 20 * 60_000);
  budgetClock.read();
  assertEquals(events.length, 1, "in the same hour nothing has to move");
  clock.set(clock.epochMs() - HOUR);
  assertEquals(budgetClock.read().hour, TODAY - HOUR / 2 - HOUR);
  assertEquals(events.at(-1), { kind: "set_back", hour: TODAY - HOUR / 2 - HOUR, byMs: HOUR });
});

Deno.test("BudgetClock: a clock that falls back to 1970 is wrong, and time continues", () => {
  const clock = new MovedClock(TODAY);
  const { budgetClock, events } = watched(clock);
  budgetClock.read();
  clock.set(0);
  clock.pass(HOUR);
  assertEquals(budgetClock.read(), { epochMs: TODAY + HOUR, hour: TODAY + HOUR / 2, isDated: false });
  clock.set(TODAY + HOUR);
  assertEquals(budgetClock.read().isDated, true);
  assertEquals(events.map(({ kind }) => kind), ["right", "wrong", "right"]);
});
