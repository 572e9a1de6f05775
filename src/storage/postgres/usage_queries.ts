/** Reads sums of usage from PostgreSQL. */

import type { UsageFilter, UsageGroup, UsageGrouping, UsageRow } from "../usage_store.ts";
import { commonConditions, type Conditions, conditionsOf } from "./conditions.ts";
import { type FirstBytes, firstBytesOf, optionalText, usageOf } from "../rows/usage_row.ts";
import type { Queries } from "./pool.ts";
import { DAY_MS, HOUR_MS, KEY_COLUMNS, SUM_COLUMNS } from "../rows/usage_sums.ts";
import { zoneOffsets } from "../../time/zone_offsets.ts";

/** The SQL expression of each group. That of days depends on the time zone: see `dayExpression`. */
const GROUPS: Record<Exclude<UsageGroup, "day">, string> = {
  model: "model",
  hour: "start",
  // Tokens of the configuration have no id. Their name is in principal.
  token: "CASE token_id WHEN '' THEN principal ELSE token_id END",
  project: "project_id",
  person: "coalesce((SELECT owner_id FROM token_owners WHERE token_owners.token_id = rows.token_id), '')",
  endpoint: "endpoint",
  client: "client",
};
const TIME_FORMATS = { day: "YYYY-MM-DD", hour: 'YYYY-MM-DD"T"HH24":00Z"' } as const;
/** The SQL expression of the name of a group, for groups by id. */
const NAMES: Partial<Record<UsageGroup, (key: string) => string>> = {
  token: () => "(SELECT name FROM tokens WHERE id = sums.token_id)",
  project: () => "(SELECT name FROM projects WHERE id = sums.project_id)",
  person: (key) => `(SELECT name FROM people WHERE id = sums.${key})`,
};

/** Reads the sums of each group, or one sum of everything without a group. */
export async function readUsage(
  queries: Queries,
  { group, split, timeZone, limit }: UsageGrouping,
  filter: UsageFilter,
): Promise<UsageRow[]> {
  const isByTime = [group, split].some((by) => by === "day" || by === "hour");
  const source = isByTime ? hourly(filter) : daily(filter);
  const expression = async (by: UsageGroup | undefined): Promise<string> => {
    if (by === undefined) return "''";
    return by === "day" ? await dayExpression(queries, timeZone, filter) : GROUPS[by];
  };
  const key = await expression(group);
  const splitKey = await expression(split);
  const isTime = group === "day" || group === "hour";
  // Times are grouped as numbers. As text, each summed row would be formatted.
  const formatted = (by: UsageGroup | undefined, column: string): string =>
    by === "day" || by === "hour"
      ? `to_char(to_timestamp(${column} / 1000) AT TIME ZONE 'UTC', '${TIME_FORMATS[by]}')`
      : column;
  const { text, values } = conditionsOf(usageConditions(filter), { before: source.values.length });
  const groups = [
    ...(group === undefined ? [] : ["group_key"]),
    ...(split === undefined ? [] : ["split_key"]),
  ];
  const grouped = groups.length === 0 ? "" : `GROUP BY ${groups.join(", ")}`;
  // The outer query looks up names once per group, not once per row.
  const rows = await queries.all(
    `SELECT * FROM (SELECT sums.*, ${formatted(group, "group_key")} AS key, ${
      formatted(split, "split_key")
    } AS split,
       ${name(group, "group_key")} AS name, ${name(split, "split_key")} AS split_name FROM (
       SELECT ${key} AS group_key, ${splitKey} AS split_key,
         max(token_id) AS token_id, max(project_id) AS project_id,
         ${SUM_COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ")}
       FROM ${source.of("usage")} ${text} ${grouped}
     ) AS sums) AS named ORDER BY ${
      isTime ? `key COLLATE "C", ` : ""
    }cost_micros DESC, requests DESC, key COLLATE "C", split COLLATE "C"
     LIMIT $${source.values.length + values.length + 1}`,
    [...source.values, ...values, limit ?? null],
  );
  const firstBytes = split === undefined
    ? await readFirstBytes(queries, { key, source, text, values })
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
  /**
   * The SQL of the rows of `usage` or of `first_bytes`. Its placeholders begin with `$1` and stand for
   * `values`.
   */
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
      } WHERE start >= $1 AND start < $2) AS rows`,
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
      const range = (name: string, first: number) =>
        `SELECT ${columns[table].join(", ")} FROM ${name} WHERE start >= $${first} AND start < $${first + 1}`;
      return `(${range(`${table}_days`, 1)} UNION ALL ${range(table, 3)} UNION ALL ${
        range(table, 5)
      }) AS rows`;
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
async function dayExpression(
  queries: Queries,
  timeZone: string | undefined,
  { from, to }: UsageFilter,
): Promise<string> {
  const extent = await queries.get("SELECT min(start) AS first, max(start) AS last FROM usage");
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
async function readFirstBytes(
  queries: Queries,
  { key, source, text, values }: {
    key: string;
    source: Source;
    text: string;
    values: readonly (string | number)[];
  },
): Promise<Map<string, FirstBytes>> {
  // One row for each group. A row for each bucket of each hour costs four times as much.
  const rows = await queries.all(
    `SELECT group_key, json_agg(json_build_array(bucket, requests))::text AS counts FROM (
       SELECT ${key} AS group_key, bucket, sum(requests) AS requests FROM ${source.of("first_bytes")} ${text}
       GROUP BY 1, 2
     ) AS buckets GROUP BY 1`,
    [...source.values, ...values],
  );
  return new Map(rows.map((row) => [
    String(row["group_key"]),
    firstBytesOf(JSON.parse(String(row["counts"]))),
  ]));
}
