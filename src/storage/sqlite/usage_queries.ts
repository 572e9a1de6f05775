/** Reads sums of usage from SQLite. */

import type { UsageFilter, UsageGroup, UsageGrouping, UsageRow } from "../usage_store.ts";
import { commonConditions, type Conditions, conditionsOf } from "./conditions.ts";
import { type FirstBytes, firstBytesOf, optionalText, usageOf } from "../rows/usage_row.ts";
import type { Connection } from "./connection.ts";
import { DAY_MS, HOUR_MS, KEY_COLUMNS, SUM_COLUMNS } from "../rows/usage_sums.ts";
import { zoneOffsets } from "../../time/zone_offsets.ts";

/** The SQL expression of each group. That of days depends on the time zone: see `dayExpression`. */
const GROUPS: Record<Exclude<UsageGroup, "day">, string> = {
  model: "model",
  hour: "start",
  // Tokens of the configuration have no id. Their name is in principal.
  token: "CASE token_id WHEN '' THEN principal ELSE token_id END",
  project: "project_id",
  person: "coalesce((SELECT owner_id FROM token_owners WHERE token_owners.token_id = sums_of.token_id), '')",
  endpoint: "endpoint",
  client: "client",
};
const TIME_FORMATS = { day: "%Y-%m-%d", hour: "%Y-%m-%dT%H:00Z" } as const;
/** The SQL expression of the name of a group, for groups by id. */
const NAMES: Partial<Record<UsageGroup, (key: string) => string>> = {
  token: () => "(SELECT name FROM tokens WHERE id = sums.token_id)",
  project: () => "(SELECT name FROM projects WHERE id = sums.project_id)",
  person: (key) => `(SELECT name FROM people WHERE id = sums.${key})`,
};

/** Reads the sums of each group, or one sum of everything without a group. */
export function readUsage(
  database: Connection,
  { group, split, timeZone, limit = -1 }: UsageGrouping,
  filter: UsageFilter,
): UsageRow[] {
  const isByTime = [group, split].some((by) => by === "day" || by === "hour");
  const source = isByTime ? hourly(filter) : daily(filter);
  const expression = (by: UsageGroup | undefined): string => {
    if (by === undefined) return "''";
    return by === "day" ? dayExpression(database, timeZone, filter) : GROUPS[by];
  };
  const key = expression(group);
  const isTime = group === "day" || group === "hour";
  // Times are grouped as numbers. As text, each summed row would be formatted.
  const formatted = (by: UsageGroup | undefined, column: string): string =>
    by === "day" || by === "hour" ? `strftime('${TIME_FORMATS[by]}', ${column} / 1000, 'unixepoch')` : column;
  const { text, values } = conditionsOf(usageConditions(filter));
  const groups = [
    ...(group === undefined ? [] : ["group_key"]),
    ...(split === undefined ? [] : ["split_key"]),
  ];
  const grouped = groups.length === 0 ? "" : `GROUP BY ${groups.join(", ")}`;
  // The outer query looks up names once per group, not once per row.
  const rows = database.all(
    `SELECT sums.*, ${formatted(group, "group_key")} AS key, ${formatted(split, "split_key")} AS split,
       ${name(group, "group_key")} AS name, ${name(split, "split_key")} AS split_name FROM (
       SELECT ${key} AS group_key, ${expression(split)} AS split_key,
         max(token_id) AS token_id, max(project_id) AS project_id,
         ${SUM_COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ")}
       FROM ${source.of("usage")} ${text} ${grouped}
     ) AS sums ORDER BY ${isTime ? "key, " : ""}cost_micros DESC, requests DESC, key, split LIMIT ?`,
    ...source.values,
    ...values,
    limit,
  );
  const firstBytes = split === undefined
    ? readFirstBytes(database, { key, source, text, values })
    : new Map<string, FirstBytes>();
  return rows.map((row) => ({
    ...usageOf(row),
    split: split === undefined
      ? undefined
      : { key: String(row["split"]), name: optionalText(row["split_name"]) },
    firstByteMs: firstBytes.get(String(row["group_key"])),
  }));
}

/** The rows of a period. */
interface Source {
  /** The SQL of the rows of `usage` or of `first_bytes`. Its placeholders stand for `values`. */
  readonly of: (table: "usage" | "first_bytes") => string;
  readonly values: readonly number[];
}

/** The conditions that are not about time. */
function usageConditions(filter: UsageFilter): Conditions {
  return [["model = ?", filter.model], ...commonConditions(filter)];
}

/** The rows of a period by the hour. */
function hourly(filter: UsageFilter): Source {
  const { from, to } = hoursOf(filter);
  // No exchange has another model, project, token, endpoint or client than one of the totals.
  const isUnfiltered = usageConditions(filter).every(([, value]) => value === undefined);
  return {
    of: (table) =>
      `(SELECT * FROM ${
        table === "first_bytes" && isUnfiltered ? "first_bytes_total" : table
      } WHERE start >= ? AND start < ?) AS sums_of`,
    values: [from, to],
  };
}

/** The rows of a period: whole days (UTC) by the day, and the hours before and after them. */
function daily(filter: UsageFilter): Source {
  const { from, to } = hoursOf(filter);
  const firstDay = Math.ceil(from / DAY_MS) * DAY_MS;
  const endOfDays = Math.max(firstDay, filter.to === undefined ? to : to - to % DAY_MS);
  const columns = {
    usage: [...KEY_COLUMNS, ...SUM_COLUMNS],
    first_bytes: [...KEY_COLUMNS, "bucket", "requests"],
  };
  return {
    of: (table) => {
      const range = (name: string) =>
        `SELECT ${columns[table].join(", ")} FROM ${name} WHERE start >= ? AND start < ?`;
      return `(${range(`${table}_days`)} UNION ALL ${range(table)} UNION ALL ${range(table)}) AS sums_of`;
    },
    values: [firstDay, endOfDays, from, Math.min(firstDay, to), endOfDays, to],
  };
}

/** The period of a filter, from a whole hour on. */
function hoursOf({ from = 0, to = Number.MAX_SAFE_INTEGER }: UsageFilter): { from: number; to: number } {
  return { from: from - from % HOUR_MS, to };
}

function name(group: UsageGroup | undefined, key: string): string {
  return group !== undefined && NAMES[group]?.(key) || "NULL";
}

/** The SQL expression of the local midnight before an hour, written as if it were UTC. */
function dayExpression(
  database: Connection,
  timeZone: string | undefined,
  { from, to }: UsageFilter,
): string {
  const extent = database.get("SELECT min(start) AS first, max(start) AS last FROM usage");
  const first = Number(extent?.["first"] ?? 0);
  const last = Number(extent?.["last"] ?? 0);
  // Only for the time with usage, because a query may name a range of ten thousand years.
  const offsets = timeZone === undefined ? [] : zoneOffsets(timeZone, {
    from: Math.max(first, from === undefined ? first : from - from % HOUR_MS),
    to: Math.min(last, to ?? last) + HOUR_MS,
  });
  const [earliest, ...later] = offsets;
  // The last offset that has begun applies.
  const cases = later.toReversed().map(({ since, offsetMs }) => `WHEN start >= ${since} THEN ${offsetMs}`);
  const offset = cases.length === 0
    ? String(earliest?.offsetMs ?? 0)
    : `CASE ${cases.join(" ")} ELSE ${earliest?.offsetMs} END`;
  return `(start + ${offset}) / ${DAY_MS} * ${DAY_MS}`;
}

/** Reads the times to the first byte of each group, by the group as text. */
function readFirstBytes(
  database: Connection,
  { key, source, text, values }: {
    key: string;
    source: Source;
    text: string;
    values: readonly (string | number)[];
  },
): Map<string, FirstBytes> {
  // One row for each group. A row for each bucket of each hour costs four times as much.
  const rows = database.all(
    `SELECT group_key, json_group_array(json_array(bucket, requests)) AS counts FROM (
       SELECT ${key} AS group_key, bucket, sum(requests) AS requests FROM ${source.of("first_bytes")} ${text}
       GROUP BY 1, 2
     ) GROUP BY 1`,
    ...source.values,
    ...values,
  );
  return new Map(rows.map((row) => [
    String(row["group_key"]),
    firstBytesOf(JSON.parse(String(row["counts"]))),
  ]));
}
