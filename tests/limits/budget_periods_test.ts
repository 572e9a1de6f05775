/** Budgets for weeks, in time zones and for rolling periods, and the effect of a clock that is moved. */

import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import type { Balance } from "../../src/limits/ledger.ts";
import { Limiter } from "../../src/limits/limiter.ts";
import type { Principal, Rules } from "../../src/principal.ts";
import { MovedClock } from "../support/time/moved_clock.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function holder(rules: Rules): Principal {
  return {
    kind: "token",
    key: "token:1",
    name: "anna",
    subjects: [{ key: "token:1", what: "token", rules }],
    keys: new Map(),
  };
}

function spend(limiter: Limiter, who: Principal, micros: number) {
  return limiter.admit(who).settle({ tokens: undefined, micros });
}

/** The message of a rejection, and its `retry-after` in seconds. */
function refusal(limiter: Limiter, who: Principal): [string, number | undefined] {
  const { message, retryAfterSeconds } = assertThrows(() => limiter.admit(who), ProxyFault);
  return [message, retryAfterSeconds];
}

function balance(hours: Balance["hours"]): ReadonlyMap<string, Balance> {
  const totalMicros = hours.reduce((sum, { micros }) => sum + micros, 0);
  return new Map([["token:1", { requests: 0, totalMicros, hours }]]);
}

Deno.test("Limiter: a week's budget ends on Sunday night of the time zone", () => {
  const clock = new MovedClock(Date.UTC(2026, 10, 29, 22, 30));
  const limiter = new Limiter(clock, { periods: { timeZone: "Europe/Berlin", window: "calendar" } });
  const who = holder({ weekBudgetMicros: 100 });
  spend(limiter, who, 100);
  assertEquals(refusal(limiter, who), ["This token has spent its budget of $0.000100 per week.", 1800]);
  clock.pass(HOUR / 2);
  spend(limiter, who, 1);
  assertEquals(limiter.spent("token:1"), {
    requests: 2,
    dayMicros: 1,
    weekMicros: 1,
    monthMicros: 101,
    totalMicros: 101,
  });
});

Deno.test("Limiter: a day with 25 hours has one budget", () => {
  const clock = new MovedClock(Date.UTC(2026, 9, 24, 22, 10));
  const limiter = new Limiter(clock, { periods: { timeZone: "Europe/Berlin", window: "calendar" } });
  const who = holder({ dayBudgetMicros: 100 });
  spend(limiter, who, 100);
  clock.pass(24 * HOUR);
  assertEquals(refusal(limiter, who)[1], 50 * 60);
  clock.pass(50 * 60_000);
  spend(limiter, who, 1);
});

Deno.test("Limiter: spending in a rolling day never exceeds its budget, and retry-after is when enough hours are dropped", () => {
  const clock = new MovedClock(Date.UTC(2026, 10, 29, 10, 30));
  const limiter = new Limiter(clock, { periods: { timeZone: "UTC", window: "rolling" } });
  const who = holder({ dayBudgetMicros: 100 });
  spend(limiter, who, 60);
  clock.pass(3 * HOUR);
  spend(limiter, who, 50);
  // Spending from 10:00 to 11:00 is dropped at 11:00 of the next day.
  assertEquals(refusal(limiter, who), [
    "This token has spent its budget of $0.000100 in 24 hours.",
    21.5 * 3600,
  ]);
  clock.pass(21.5 * HOUR - 1);
  refusal(limiter, who);
  clock.pass(1);
  assertEquals(limiter.spent("token:1")?.dayMicros, 50);
  spend(limiter, who, 1);
});

Deno.test("Limiter: after a reload with other periods, earlier spending counts", () => {
  const clock = new MovedClock(Date.UTC(2026, 10, 29, 1));
  const limiter = new Limiter(clock, {
    balances: balance([{ start: Date.UTC(2026, 10, 28, 23), micros: 7, isDated: true }]),
  });
  assertEquals(limiter.spent("token:1")?.dayMicros, 0);
  limiter.configure({ timeZone: "UTC", window: "rolling" });
  assertEquals(limiter.spent("token:1")?.dayMicros, 7);
  limiter.configure({ timeZone: "Europe/Berlin", window: "calendar" });
  assertEquals(limiter.spent("token:1")?.dayMicros, 7);
  limiter.configure(undefined);
  assertEquals(limiter.spent("token:1")?.dayMicros, 0);
});

Deno.test("Limiter: spending in 1970 counts once, in the day to which the clock jumps", () => {
  const clock = new MovedClock(60_000);
  const limiter = new Limiter(clock);
  const who = holder({ dayBudgetMicros: 100 });
  assertEquals(spend(limiter, who, 60), { hour: 0, isDated: false, modelRules: [], hasBudget: true });
  clock.pass(5 * 60_000);
  clock.set(Date.UTC(2026, 10, 29, 12, 5));
  assertEquals(limiter.spent("token:1")?.dayMicros, 60);
  spend(limiter, who, 40);
  assertEquals(refusal(limiter, who)[1], 11 * 3600 + 55 * 60);
  clock.pass(12 * HOUR);
  const { dayMicros, monthMicros, totalMicros } = limiter.spent("token:1") ?? {};
  assertEquals([dayMicros, monthMicros, totalMicros], [0, 100, 100]);
});

Deno.test("Limiter: a start in 1970 keeps the spending of today, and new spending counts when the clock jumps", () => {
  const booked = Date.UTC(2026, 10, 29, 11);
  const clock = new MovedClock(60_000);
  const limiter = new Limiter(clock, { balances: balance([{ start: booked, micros: 90, isDated: true }]) });
  const who = holder({ dayBudgetMicros: 100 });
  spend(limiter, who, 9);
  assertEquals(limiter.spent("token:1")?.dayMicros, 99, "the day of the latest booking goes on");
  spend(limiter, who, 1);
  refusal(limiter, who);
  clock.set(Date.UTC(2026, 10, 30, 0, 10));
  const { dayMicros, monthMicros } = limiter.spent("token:1") ?? {};
  assertEquals([dayMicros, monthMicros], [10, 100], "90 were spent yesterday");
});

for (const [name, back] of [["an hour", HOUR], ["a day", DAY]] as const) {
  Deno.test(`Limiter: a clock that is set back by ${name} neither drops nor doubles spending`, () => {
    const clock = new MovedClock(Date.UTC(2026, 10, 29, 0, 30));
    const limiter = new Limiter(clock);
    const who = holder({ dayBudgetMicros: 100 });
    spend(limiter, who, 100);
    clock.set(clock.epochMs() - back);
    assertEquals(limiter.spent("token:1")?.dayMicros, 100, "it was spent on the day that it is now");
    refusal(limiter, who);
    clock.pass(DAY);
    assertEquals(limiter.spent("token:1")?.dayMicros, 0, "and not on the next one too");
    spend(limiter, who, 1);
    assertEquals(limiter.spent("token:1")?.totalMicros, 101);
  });
}

Deno.test("Limiter: spending in the database without a certain hour counts in the hour of the start", () => {
  const clock = new MovedClock(Date.UTC(2026, 10, 29, 12));
  const limiter = new Limiter(clock, { balances: balance([{ start: 0, micros: 5, isDated: false }]) });
  assertEquals(limiter.spent("token:1")?.dayMicros, 5);
});
