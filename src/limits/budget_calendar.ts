/** When the periods of budgets begin and end. All of it is to the hour, since spending is summed by the hour. */

import type { BudgetPeriods } from "../config/config.ts";
import { type ZoneOffset, zoneOffsets } from "../time/zone_offsets.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday; weeks begin on Monday. */
const DAYS_BEFORE_THURSDAY = 3;
/** Offsets are read for so long around an hour: a month and more on each side. */
const OFFSETS_MS = 80 * DAY_MS;
/** And hold for hours within so much of it. */
const OFFSETS_HOLD_MS = 40 * DAY_MS;

/** The periods of budgets that come to an end, the shortest first. */
export const PERIODS = ["day", "week", "month"] as const;
/** One of them. */
export type Period = typeof PERIODS[number];
/** A period, in milliseconds since 1970. */
export interface Span {
  /** Its first hour. */
  readonly from: number;
  /** The first hour of the next period; undefined: it moves on with every hour. */
  readonly until: number | undefined;
}

/** The spans of each period. */
export type Spans = Readonly<Record<Period, Span>>;

const ROLLING_HOURS: Readonly<Record<Period, number>> = { day: 24, week: 7 * 24, month: 30 * 24 };

/** The first millisecond of the hour of UTC that a moment is in. */
export function hourOf(epochMs: number): number {
  return Math.floor(epochMs / HOUR_MS) * HOUR_MS;
}

/** Tells the periods that an hour is in. */
export class BudgetCalendar {
  readonly periods: BudgetPeriods;
  #hour: number | undefined;
  #spans: Spans | undefined;
  #offsets: { readonly around: number; readonly list: readonly ZoneOffset[] } | undefined;

  constructor(periods: BudgetPeriods) {
    this.periods = periods;
  }

  /** The spans that an hour is in. */
  spans(hour: number): Spans {
    if (this.#spans === undefined || this.#hour !== hour) {
      this.#spans = this.periods.window === "rolling" ? rollingSpans(hour) : this.#calendarSpans(hour);
      this.#hour = hour;
    }
    return this.#spans;
  }

  #calendarSpans(hour: number): Spans {
    return {
      day: this.#span(hour, (day) => day),
      week: this.#span(hour, (day) => Math.floor((day + DAYS_BEFORE_THURSDAY) / 7)),
      month: this.#span(hour, monthOf),
    };
  }

  /**
   * An hour of UTC belongs to the local day that it begins in: if local midnight is not on a full hour of UTC,
   * the period begins with the next full hour.
   */
  #span(hour: number, periodOf: (localDay: number) => number): Span {
    const period = periodOf(this.#localDay(hour));
    let from = hour;
    while (periodOf(this.#localDay(from - HOUR_MS)) === period) from -= HOUR_MS;
    let until = hour + HOUR_MS;
    while (periodOf(this.#localDay(until)) === period) until += HOUR_MS;
    return { from, until };
  }

  /** Days since 1970 by the clocks of the zone. */
  #localDay(hour: number): number {
    const offset = this.#offsetsAround(hour).findLast(({ since }) => since <= hour)?.offsetMs ?? 0;
    return Math.floor((hour + offset) / DAY_MS);
  }

  #offsetsAround(hour: number): readonly ZoneOffset[] {
    if (this.#offsets === undefined || Math.abs(hour - this.#offsets.around) > OFFSETS_HOLD_MS) {
      const { timeZone } = this.periods;
      const list = zoneOffsets(timeZone, { from: hour - OFFSETS_MS, to: hour + OFFSETS_MS });
      this.#offsets = { around: hour, list };
    }
    return this.#offsets.list;
  }
}

/** An hour more than the period has, since the oldest is only partly within it: no 24 hours ever hold more. */
function rollingSpans(hour: number): Spans {
  const span = (period: Period): Span => ({
    from: hour - ROLLING_HOURS[period] * HOUR_MS,
    until: undefined,
  });
  return { day: span("day"), week: span("week"), month: span("month") };
}

function monthOf(day: number): number {
  const date = new Date(day * DAY_MS);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
