/**
 * From which tables of sums a query of usage reads each part of its period. Sums of past days and months are
 * closed: they also exist by one dimension each, and for all tokens together, and these tables have few rows.
 * See `closed_sums.ts`.
 */

import type { ZoneOffset } from "../../time/zone_offsets.ts";
import type { UsageFilter, UsageGroup, UsageGrouping } from "../usage_store.ts";
import { DAY_MS, HOUR_MS } from "./usage_sums.ts";

/** What sums are grouped by or filtered with, other than time. A person is the owner of tokens. */
export type Dimension = Exclude<UsageGroup, "day" | "hour">;

/**
 * The tables of sums. Those with `usage_by` have the sums by one dimension each. Those with `usage_of_all`
 * have the sums of all tokens together, by endpoint, model and client.
 */
export type SumTable =
  | "usage"
  | "usage_days"
  | "usage_months"
  | "usage_by_hour"
  | "usage_by_day"
  | "usage_by_month"
  | "usage_of_all_by_hour"
  | "usage_of_all_by_day";

/** A period: from a moment to before another one, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A closed day or month: the hourly work has made sums of it, which queries can read. */
export interface ClosedSpan extends Span {
  /** Which sums it has. See {@link EDITION}. */
  readonly edition: number;
}

/**
 * The sums that this program makes of closed periods. The first edition had no sums by person, and none of
 * all tokens together. Another version of the program can close a period with fewer sums.
 */
export const EDITION = 2;

/** The rows of a table that a query adds, or takes off. */
export interface Part extends Span {
  readonly table: SumTable;
  /** The hours of the rows; `undefined` for all of the period. */
  readonly starts?: readonly number[];
  /**
   * How much later than UTC the midnight is that the rows count for, in milliseconds, and the days to add.
   * Only for sums by the day.
   */
  readonly offsetMs?: number;
  readonly shiftMs?: number;
  /** -1 for rows that another part counts for another day. */
  readonly sign: 1 | -1;
}

/** What {@link partsOf} needs to know of the database. */
export interface SumState {
  /** From the first hour with usage to the end of the last one; `undefined` without usage. */
  readonly extent: Span | undefined;
  /** Closed days and months, by their start. */
  readonly closed: readonly ClosedSpan[];
}

/** More days with more hours than these are summed by the hour: a query would name each hour. */
const MOST_DAYS = 1_500;
/** A period without rows, because a query must have a part. */
const NOTHING: Part = { table: "usage", from: 0, to: 0, sign: 1 };
/** The tables with all dimensions, which also have the days that are not closed. */
const OPEN = { hour: "usage", day: "usage_days" } as const;
/** The dimensions of the sums of all tokens together. */
const DIMENSIONS_OF_ALL: readonly Dimension[] = ["model", "endpoint", "client"];

/** The tables that a query reads of closed periods, and the first edition that fills them. */
interface ClosedTables {
  /** Of closed days; `undefined` if the query needs tables with all dimensions. */
  readonly days: { readonly hour: SumTable; readonly day: SumTable; readonly edition: number } | undefined;
  readonly months: { readonly month: SumTable; readonly edition: number };
}

/** The dimensions that a query needs, each once. */
export function dimensionsOf(
  { group, split }: Pick<UsageGrouping, "group" | "split">,
  filter: UsageFilter,
): Dimension[] {
  const { projectId, tokenId, endpoint, model, client, personId, within } = filter;
  const filtered: readonly (readonly [Dimension, string | undefined])[] = [
    ["project", projectId],
    ["token", tokenId],
    ["endpoint", endpoint],
    ["model", model],
    ["client", client],
    ["person", personId],
  ];
  const found = new Set<Dimension>();
  for (const by of [group, split]) {
    if (by !== undefined && by !== "day" && by !== "hour") found.add(by);
  }
  if (within?.kind === "own") found.add("person");
  if (within !== undefined && within.kind !== "all" && within.projects !== "all") found.add("project");
  for (const [dimension, value] of filtered) if (value !== undefined) found.add(dimension);
  // A token has one owner.
  if (found.has("token")) found.delete("person");
  return [...found];
}

/** The smallest tables that have the dimensions of a query. */
function closedTablesOf(dimensions: readonly Dimension[]): ClosedTables {
  if (dimensions.length <= 1) {
    const edition = dimensions[0] === "person" ? 2 : 1;
    return {
      days: { hour: "usage_by_hour", day: "usage_by_day", edition },
      months: { month: "usage_by_month", edition },
    };
  }
  return {
    days: dimensions.every((dimension) => DIMENSIONS_OF_ALL.includes(dimension))
      ? { hour: "usage_of_all_by_hour", day: "usage_of_all_by_day", edition: 2 }
      : undefined,
    months: { month: "usage_months", edition: 1 },
  };
}

/** The parts of a query, at least one. `offsets` are those of its time zone over the period. */
export function partsOf(
  grouping: Pick<UsageGrouping, "group" | "split">,
  filter: UsageFilter,
  { extent, closed, offsets }: SumState & { readonly offsets: readonly ZoneOffset[] },
): Part[] {
  const period = extent && periodOf(filter, extent);
  if (period === undefined || period.from >= period.to) return [NOTHING];
  const tables = closedTablesOf(dimensionsOf(grouping, filter));
  const { days: daily, months: { month, edition } } = tables;
  const days: ClosedDays = {
    ...OPEN,
    ...daily,
    spans: daily === undefined
      ? []
      : merged(closed.filter((span) => !isMonth(span) && span.edition >= daily.edition)),
  };
  const months = merged(closed.filter((span) => isMonth(span) && span.edition >= edition));
  const times = [grouping.group, grouping.split];
  const parts = times.includes("hour")
    ? byHour([period], days)
    : times.includes("day")
    ? byDay(period, { days, offsets })
    : untimed(period, { days, months: { month, spans: months } });
  return parts.length === 0 ? [NOTHING] : parts;
}

/** The parts with all usage, by tables with all dimensions. */
export function allParts(state: SumState): Part[] {
  const everything = {
    from: undefined,
    to: undefined,
    projectId: undefined,
    tokenId: undefined,
    endpoint: undefined,
    model: undefined,
    client: undefined,
  };
  return partsOf({ group: "token", split: "project" }, everything, { ...state, offsets: [] });
}

/**
 * The period of a filter in whole hours. An end that is open, or outside of all usage, is that of a month:
 * then the sums of the month can be read.
 */
export function periodOf({ from, to }: UsageFilter, extent: Span): Span {
  return {
    from: from === undefined || from < extent.from ? monthOf(extent.from).from : from - from % HOUR_MS,
    to: to === undefined || to >= extent.to ? monthOf(extent.to - 1).to : to,
  };
}

/** The month of a moment, in UTC. */
export function monthOf(at: number): Span {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
}

/** The closed days that a query can use, and the tables that have their sums. */
interface ClosedDays {
  readonly spans: readonly Span[];
  readonly hour: SumTable;
  readonly day: SumTable;
}

function untimed(
  period: Span,
  { days, months }: {
    days: ClosedDays;
    months: { readonly month: SumTable; readonly spans: readonly Span[] };
  },
): Part[] {
  const parts: Part[] = [];
  const wholeMonths = within(months.spans, period, monthsIn);
  add(parts, months.month, wholeMonths);
  let left = without([period], wholeMonths);
  const wholeDays = left.flatMap((span) => within(days.spans, span, daysIn));
  add(parts, days.day, wholeDays);
  left = without(left, wholeDays);
  const openDays = without(left.map(daysIn).filter(isNotEmpty), days.spans);
  add(parts, "usage_days", openDays);
  return [...parts, ...byHour(without(left, openDays), days)];
}

function byHour(spans: readonly Span[], days: ClosedDays): Part[] {
  const parts: Part[] = [];
  const closed = spans.flatMap((span) => within(days.spans, span));
  add(parts, days.hour, closed);
  add(parts, "usage", without(spans, closed));
  return parts;
}

function byDay(
  period: Span,
  { days, offsets }: { days: ClosedDays; offsets: readonly ZoneOffset[] },
): Part[] {
  return offsets.flatMap(({ since, offsetMs }, index) => {
    const begin = index === 0 ? period.from : Math.max(period.from, since);
    const segment = { from: begin, to: Math.min(period.to, offsets[index + 1]?.since ?? period.to) };
    if (!isNotEmpty(segment)) return [];
    const whole = daysIn(segment);
    const hasDays = isNotEmpty(whole) && whole.to - whole.from <= MOST_DAYS * DAY_MS;
    const closed = hasDays ? within(days.spans, whole) : [];
    const open = hasDays ? without([whole], closed) : [];
    return [
      ...closed.flatMap((span) => daysOf(span, days, offsetMs)),
      ...open.flatMap((span) => daysOf(span, OPEN, offsetMs)),
      ...byHour(without([segment], hasDays ? [whole] : []), days).map((part) => ({ ...part, offsetMs })),
    ];
  });
}

/**
 * Whole days of UTC as days of a time zone. Each day of UTC has hours of two days there. The row of the day
 * counts for the day that has most of its hours, and the other hours are moved.
 */
function daysOf(
  span: Span,
  { day: table, hour: hours }: Pick<ClosedDays, "day" | "hour">,
  offsetMs: number,
): Part[] {
  const ahead = (offsetMs % DAY_MS + DAY_MS) % DAY_MS;
  if (ahead === 0) return [{ ...span, table, offsetMs, sign: 1 }];
  // The hours from here on belong to the later day.
  const turn = Math.ceil((DAY_MS - ahead) / HOUR_MS);
  const isLater = turn <= 12;
  const moved = Array.from(
    { length: isLater ? turn : 24 - turn },
    (_, index) => isLater ? index : turn + index,
  );
  const starts: number[] = [];
  for (let day = span.from; day < span.to; day += DAY_MS) {
    for (const hour of moved) starts.push(day + hour * HOUR_MS);
  }
  const moving = (shiftMs: number, sign: 1 | -1): Part => ({
    ...span,
    table: hours,
    starts,
    offsetMs,
    shiftMs,
    sign,
  });
  return [
    { ...span, table, offsetMs, shiftMs: isLater ? DAY_MS : 0, sign: 1 },
    moving(0, 1),
    moving(isLater ? DAY_MS : -DAY_MS, -1),
  ];
}

function add(parts: Part[], table: SumTable, spans: readonly Span[]): void {
  for (const { from, to } of spans) parts.push({ table, from, to, sign: 1 });
}

function isMonth({ from, to }: Span): boolean {
  return to - from > DAY_MS;
}

function isNotEmpty({ from, to }: Span): boolean {
  return from < to;
}

function endOfDay(at: number): number {
  return Math.ceil(at / DAY_MS) * DAY_MS;
}

/** The whole days of a period. */
function daysIn({ from, to }: Span): Span {
  return { from: endOfDay(from), to: to - to % DAY_MS };
}

/** The whole months of a period. */
function monthsIn({ from, to }: Span): Span {
  const first = monthOf(from);
  return { from: first.from === from ? from : first.to, to: monthOf(to).from };
}

/** Joins periods that follow each other. They are in their order. */
function merged(spans: readonly Span[]): Span[] {
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of spans) {
    const last = all.at(-1);
    if (last?.to === from) last.to = to;
    else all.push({ from, to });
  }
  return all;
}

/** The parts of periods that are in another one. `whole` leaves only whole days or months of them. */
function within(
  spans: readonly Span[],
  { from, to }: Span,
  whole: (span: Span) => Span = (span) => span,
): Span[] {
  return spans.map((span) => whole({ from: Math.max(span.from, from), to: Math.min(span.to, to) }))
    .filter(isNotEmpty);
}

/** The periods without others. Both lists are in their order. */
function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  return spans.flatMap((span) => {
    const left: Span[] = [];
    let { from } = span;
    for (const other of others) {
      if (other.to <= from || other.from >= span.to) continue;
      if (other.from > from) left.push({ from, to: other.from });
      from = Math.max(from, other.to);
    }
    if (from < span.to) left.push({ from, to: span.to });
    return left;
  });
}
