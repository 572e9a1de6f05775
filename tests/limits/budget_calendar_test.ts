import { assert, assertEquals } from "@std/assert";
import { BudgetCalendar, hourOf, type Period } from "../../src/limits/budget_calendar.ts";
import { cases } from "../support/runner/cases.ts";

const HOUR = 3_600_000;

function spansAt(timeZone: string, moment: string): Record<Period, string> {
  const { day, week, month } = new BudgetCalendar({ timeZone, window: "calendar" })
    .spans(hourOf(Date.parse(moment)));
  const shown = ({ from, until }: { from: number; until: number | undefined }) =>
    `${short(from)} - ${until === undefined ? "" : short(until)}`;
  return { day: shown(day), week: shown(week), month: shown(month) };
}

function short(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 16);
}

Deno.test("BudgetCalendar: days, weeks from Monday and months in UTC", () => {
  assertEquals(spansAt("UTC", "2026-11-29T23:59:59Z"), {
    day: "2026-11-29T00:00 - 2026-11-30T00:00",
    week: "2026-11-23T00:00 - 2026-11-30T00:00",
    month: "2026-11-01T00:00 - 2026-12-01T00:00",
  });
  assertEquals(spansAt("UTC", "2026-11-30T00:00Z"), {
    day: "2026-11-30T00:00 - 2026-12-01T00:00",
    week: "2026-11-30T00:00 - 2026-12-07T00:00",
    month: "2026-11-01T00:00 - 2026-12-01T00:00",
  });
});

Deno.test("BudgetCalendar: the days of a zone, also those with 23 and 25 hours", () => {
  assertEquals(spansAt("Europe/Berlin", "2026-11-29T23:00Z").day, "2026-11-29T23:00 - 2026-11-30T23:00");
  assertEquals(spansAt("Europe/Berlin", "2026-03-29T10:00Z"), {
    day: "2026-03-28T23:00 - 2026-03-29T22:00",
    week: "2026-03-22T23:00 - 2026-03-29T22:00",
    month: "2026-02-28T23:00 - 2026-03-31T22:00",
  });
  assertEquals(spansAt("America/New_York", "2026-11-01T20:00Z"), {
    day: "2026-11-01T04:00 - 2026-11-02T05:00",
    week: "2026-10-26T04:00 - 2026-11-02T05:00",
    month: "2026-11-01T04:00 - 2026-12-01T05:00",
  });
});

Deno.test("BudgetCalendar: where midnight is within an hour of UTC, the period begins with the next hour", () => {
  // Midnight in Kolkata is 18:30 UTC.
  assertEquals(spansAt("Asia/Kolkata", "2026-11-29T18:59Z").day, "2026-11-28T19:00 - 2026-11-29T19:00");
  assertEquals(spansAt("Asia/Kolkata", "2026-11-29T19:00Z").day, "2026-11-29T19:00 - 2026-11-30T19:00");
});

Deno.test("BudgetCalendar: hours of two years are each in one day, one week and one month, which follow each other", () => {
  for (
    const timeZone of [
      "UTC",
      "Europe/Berlin",
      "America/Havana",
      "Australia/Lord_Howe",
      "Asia/Beirut",
      "Pacific/Apia",
    ]
  ) {
    const calendar = new BudgetCalendar({ timeZone, window: "calendar" });
    const format = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit" });
    const begun: Partial<Record<Period, number>> = {};
    const start = Date.UTC(2026, 0, 1);
    const days = cases({ few: 100, all: 2 * 365 });
    for (let hour = start; hour < start + days * 24 * HOUR; hour += 5 * HOUR) {
      const spans = calendar.spans(hour);
      for (const [period, { from, until = 0 }] of Object.entries(spans)) {
        assert(from <= hour && hour < until, `${timeZone} ${period} ${short(hour)}`);
      }
      const name = format.format(hour);
      assertEquals(format.format(spans.month.from), name, `${timeZone} ${short(hour)}`);
      assert(format.format(spans.month.from - HOUR) !== name, `${timeZone} ${short(hour)}`);
      for (const period of ["day", "week", "month"] as const) {
        const { from, until } = spans[period];
        const next = begun[period];
        assert(next === undefined || from === next || until === next, `${timeZone} ${period} ${short(hour)}`);
        begun[period] = until ?? 0;
      }
    }
  }
});

Deno.test("BudgetCalendar: rolling periods have one hour more than their name says, in every zone", () => {
  const hour = Date.UTC(2026, 10, 29, 12);
  for (const timeZone of ["UTC", "Asia/Kolkata"]) {
    const { day, week, month } = new BudgetCalendar({ timeZone, window: "rolling" }).spans(hour);
    assertEquals([day, week, month].map(({ from, until }) => [(hour - from) / HOUR, until]), [
      [24, undefined],
      [168, undefined],
      [720, undefined],
    ]);
  }
});
