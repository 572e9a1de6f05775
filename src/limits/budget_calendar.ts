/**
 * When the periods of budgets begin and end. Periods consist of whole hours, because spending is added up by
 * the hour.
 */

import type { BudgetPeriods } from "../config/config.ts";
import { type ZoneOffset, zoneOffsets } from "../time/zone_offsets.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday; weeks begin on Monday. */
const DAYS_BEFORE_THURSDAY = 3;
/** How far the list of UTC offsets reaches before and after an hour: more than a month on each side. */
const OFFSETS_MS = 80 * DAY_MS;
/** How far from that hour the list of UTC offsets is used. */
const OFFSETS_HOLD_MS = 40 * DAY_MS;

/** The periods after which a budget starts again, shortest first. */
export const PERIODS = ["day", "week", "month"] as const;
/** The name of a period of budgets. */
export type Period = typeof PERIODS[number];
/** When a period begins and ends, in milliseconds since 1970. */
export interface Span {
  /** The start of the first hour of the period. */
  readonly from: number;
  /**
   * The start of the first hour of the next period. `undefined` for a rolling period, which moves with every
   * hour.
   */
  readonly until: number | undefined;
}

/** When the day, the week and the month that contain a certain hour begin and end. */
export type Spans = Readonly<Record<Period, Span>>;

const ROLLING_HOURS: Readonly<Record<Period, number>> = { day: 24, week: 7 * 24, month: 30 * 24 };

/** The start of the hour of UTC that contains a moment, in milliseconds since 1970. */
export function hourOf(epochMs: number): number {
  return Math.floor(epochMs / HOUR_MS) * HOUR_MS;
}

/** Finds the day, week and month that contain an hour, in the time zone of the configuration. */
export class BudgetCalendar {
  readonly periods: BudgetPeriods;
  #hour: number | undefined;
  #spans: Spans | undefined;
  #offsets: { readonly around: number; readonly list: readonly ZoneOffset[] } | undefined;

  constructor(periods: BudgetPeriods) {
    this.periods = periods;
  }

  /** The periods that contain an hour. `hour` is the start of the hour, in milliseconds since 1970. */
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
   * An hour of UTC belongs to the local day in which it begins. If local midnight is not on a full hour of
   * UTC, the period begins with the next full hour.
   */
  #span(hour: number, periodOf: (localDay: number) => number): Span {
    const period = periodOf(this.#localDay(hour));
    let from = hour;
    while (periodOf(this.#localDay(from - HOUR_MS)) === period) from -= HOUR_MS;
    let until = hour + HOUR_MS;
    while (periodOf(this.#localDay(until)) === period) until += HOUR_MS;
    return { from, until };
  }

  /** The number of days since 1970, by the local time of the time zone. */
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

/**
 * One hour more than the period, because the oldest hour is only partly in it. So no 24 hours exceed a
 * budget.
 */
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
