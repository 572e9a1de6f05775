/**
 * Sums of past days and months by one dimension each (`usage_by_hour`, `usage_by_day`, `usage_by_month`), of
 * past days of all tokens together (`usage_of_all_by_hour`, `usage_of_all_by_day`), and of past months by all
 * dimensions (`usage_months`). A query over a year reads thousands of their rows in the place of millions.
 * They are made of the other sums after the end of the day or month, so that writing an exchange costs
 * nothing more. The table `closed_sums` has the periods whose sums are there, with the edition of the sums.
 * An exchange that comes later removes its periods from that table, and so does another owner of a token. The
 * next hourly work makes their sums again.
 */

import { type ClosedSpan, type Dimension, EDITION, monthOf, type Span } from "./usage_parts.ts";
import {
  DIMENSION_COLUMNS,
  DIMENSIONS,
  joinedOwners,
  NO_DIMENSION,
  type SqlDialect,
} from "./usage_source.ts";
import { DAY_MS, KEY_COLUMNS, SUM_COLUMNS } from "./usage_sums.ts";

/** The column with times to the first byte: the number of requests in each bucket, like `60:3 61:5`. */
export const FIRST_BYTES_COLUMN = "first_bytes";

/** How long after its end a day is closed, in milliseconds: most exchanges of the day are written by then. */
const LATE_MS = 900_000;
/** Days before these are not closed one by one: no program of this name existed then. */
const FIRST_CLOSED = Date.UTC(2020, 0);

/** Whether a closed period is a day, and not a month. */
function isDay({ from, to }: Span): boolean {
  return to - from === DAY_MS;
}

/** The key columns of sums of all tokens together. */
const KEY_OF_ALL = ["endpoint", "model", "client"];
/** The dimensions that the first edition of closed sums did not have. */
const ADDED_DIMENSIONS: readonly Dimension[] = ["person"];

/**
 * The days and months that can be closed and are not, or that lack sums, the newest first: most queries are
 * about them. Those that are not closed have edition 0.
 */
export function closablePeriods(
  { extent, closed, now }: { extent: Span | undefined; closed: readonly ClosedSpan[]; now: number },
): ClosedSpan[] {
  if (extent === undefined) return [];
  const first = Math.max(extent.from, FIRST_CLOSED);
  const last = Math.min(extent.to, now - LATE_MS);
  const editions = new Map(closed.map(({ from, to, edition }) => [`${from} ${to}`, edition]));
  const found: ClosedSpan[] = [];
  const addOpen = (span: Span) => {
    const edition = editions.get(`${span.from} ${span.to}`) ?? 0;
    if (span.to <= now - LATE_MS && edition < EDITION) found.push({ ...span, edition });
  };
  for (let month = monthOf(first); month.from < last; month = monthOf(month.to)) {
    const begin = Math.max(month.from, first - first % DAY_MS);
    for (let day = begin; day < Math.min(month.to, last); day += DAY_MS) {
      addOpen({ from: day, to: day + DAY_MS });
    }
    addOpen(month);
  }
  return found.reverse();
}

/**
 * The statements that make the sums of a day or month that its edition lacks. They replace what an earlier
 * run made.
 */
export function closingStatements(span: ClosedSpan, dialect: Pick<SqlDialect, "joined">): string[] {
  const isOpen = span.edition === 0;
  const missing = isOpen ? [undefined, ...DIMENSIONS] : ADDED_DIMENSIONS;
  const start = String(span.from);
  if (isDay(span)) {
    return [
      ...deletions("usage_by_hour", span, missing),
      ...missing.map((dimension) =>
        byOne({ table: "usage_by_hour", from: "usage", start: "start" }, dimension)
      ),
      ...deletions("usage_by_day", span, missing),
      ...missing.map((dimension) => byOne({ table: "usage_by_day", from: "usage_days", start }, dimension)),
      deletion("usage_of_all_by_hour", span),
      summing({ table: "usage_of_all_by_hour", from: "usage", start: "start" }, KEY_OF_ALL),
      deletion("usage_of_all_by_day", span),
      summing({ table: "usage_of_all_by_day", from: "usage_days", start }, KEY_OF_ALL),
    ];
  }
  return [
    ...deletions("usage_by_month", span, missing),
    ...missing.map((dimension) => byOne({ table: "usage_by_month", from: "usage_days", start }, dimension)),
    ...isOpen
      ? [
        deletion("usage_months", span),
        summing({ table: "usage_months", from: "usage_days", start }, KEY_COLUMNS.slice(1)),
      ]
      : [],
  ];

  function byOne(tables: Tables, dimension: Dimension | undefined): string {
    const value = dimension === undefined ? "''" : DIMENSION_COLUMNS[dimension];
    return summing(tables, ["dimension", "value"], {
      keys: [`'${dimension ?? NO_DIMENSION}'`, value],
      joined: dimension === "person" ? joinedOwners("token_id") : "",
    });
  }

  /** Sums rows of a table, with their times to the first byte. `keys` is the SQL of the columns. */
  function summing(
    { table, from, start }: Tables,
    columns: readonly string[],
    { keys = columns, joined = "" }: { keys?: readonly string[]; joined?: string } = {},
  ): string {
    const named = [`${start} AS sum_start`, ...keys.map((key, index) => `${key} AS key_${index}`)].join(", ");
    const names = ["sum_start", ...keys.map((_, index) => `key_${index}`)];
    const range = `start >= ${span.from} AND start < ${span.to}`;
    const firstBytes = from === "usage" ? "first_bytes" : "first_bytes_days";
    return `INSERT INTO ${table} (start, ${columns.join(", ")}, ${
      SUM_COLUMNS.join(", ")
    }, ${FIRST_BYTES_COLUMN})
      SELECT ${names.map((name) => `sums.${name}`).join(", ")},
        ${SUM_COLUMNS.map((name) => `sums.${name}`).join(", ")}, coalesce(packed.counts, '')
      FROM (
        SELECT ${names.join(", ")}, ${SUM_COLUMNS.map((name) => `sum(${name}) AS ${name}`).join(", ")}
        FROM (SELECT ${named}, ${
      SUM_COLUMNS.join(", ")
    } FROM ${from} AS summed ${joined} WHERE ${range}) AS rows
        GROUP BY ${names.join(", ")}
      ) AS sums LEFT JOIN (
        SELECT ${names.join(", ")}, ${dialect.joined("bucket || ':' || requests")} AS counts FROM (
          SELECT ${names.join(", ")}, bucket, sum(requests) AS requests
          FROM (SELECT ${named}, bucket, requests FROM ${firstBytes} AS summed ${joined} WHERE ${range}) AS rows
          GROUP BY ${names.join(", ")}, bucket
        ) AS buckets GROUP BY ${names.join(", ")}
      ) AS packed ON ${names.map((name) => `packed.${name} = sums.${name}`).join(" AND ")}`;
  }
}

/** Where sums go, where they come from, and the SQL of their time. */
interface Tables {
  readonly table: string;
  readonly from: "usage" | "usage_days";
  readonly start: string;
}

function deletion(table: string, { from, to }: Span, condition = ""): string {
  return `DELETE FROM ${table} WHERE ${condition} start >= ${from} AND start < ${to}`;
}

function deletions(table: string, span: Span, dimensions: readonly (Dimension | undefined)[]): string[] {
  return dimensions.map((dimension) =>
    deletion(table, span, `dimension = '${dimension ?? NO_DIMENSION}' AND`)
  );
}

/** Adds counts like `60:3 61:5` to those of buckets, or takes them off. */
export function addBuckets(counts: Map<number, number>, text: string, sign: number): void {
  if (text === "") return;
  for (const one of text.split(" ")) {
    const colon = one.indexOf(":");
    const bucket = Number(one.slice(0, colon));
    // Rows without a time to the first byte leave empty texts between spaces.
    if (colon > 0) counts.set(bucket, (counts.get(bucket) ?? 0) + sign * Number(one.slice(colon + 1)));
  }
}
