/** The SQL of queries of usage, in the words that PostgreSQL and SQLite have in common. */

import type { UsageFilter, UsageGroup, UsageGrouping } from "../usage_store.ts";
import type { Part } from "./usage_parts.ts";
import { isOfOne, type StatementParts, UsageSource } from "./usage_source.ts";
import { SUM_COLUMNS } from "./usage_sums.ts";

/**
 * The tables with the name of each value, and their columns of it. Accounts at providers have no row in
 * `tokens`.
 */
const NAMED: Partial<Record<UsageGroup, Readonly<Record<string, string>>>> = {
  token: { tokens: "id", account_names: "token_id" },
  project: { projects: "id" },
  person: { people: "id" },
};
/** SQL with the values of its placeholders. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly string[];
}

/** The query of the sums of usage. Its columns are those that `usageOf` reads, `group_key` and the split. */
export function sumsStatement(
  { group, split, limit }: UsageGrouping,
  filter: UsageFilter,
  { parts, dialect, tokens }: StatementParts,
): Statement {
  const source = new UsageSource({ group, split }, filter, { parts, dialect, tokens });
  const groups = [...group === undefined ? [] : ["group_key"], ...split === undefined ? [] : ["split_key"]];
  const keyOf = (part: Part) => [source.key(group, part, "group_key"), source.key(split, part, "split_key")];
  const unions = byRows(parts, source).map((same) => {
    const [part, ...others] = same;
    if (others.length > 0) return movedSums(same, { source, keyOf, grouping: { group, split } });
    return source.select(part, {
      key: keyOf(part),
      columns: SUM_COLUMNS.map((name) => part.sign === 1 ? name : `-${name} AS ${name}`),
    });
  });
  const grouped = groups.length === 0 ? "" : `GROUP BY ${groups.join(", ")}`;
  // What was moved to another day leaves sums of nothing.
  const isMoved = parts.some(({ sign }) => sign === -1);
  const having = isMoved && groups.length > 0
    ? `HAVING ${
      SUM_COLUMNS.filter((name) => name !== "duration_ms").map((name) => `sum(${name}) <> 0`).join(" OR ")
    }`
    : "";
  const shown = (by: UsageGroup | undefined, column: string) =>
    by === "day" || by === "hour" ? dialect.time(by, column) : column;
  const names = (by: UsageGroup | undefined, column: string) => {
    const tables = Object.entries(by && NAMED[by] || {});
    return {
      name: `coalesce(${
        [...tables.map(([table]) => `${table}_of_${column}.name`), "NULL", "NULL"].join(", ")
      })`,
      join: tables.map(([table, id]) =>
        `LEFT JOIN ${table} AS ${table}_of_${column} ON ${table}_of_${column}.${id} = sums.${column}`
      ).join(" "),
    };
  };
  const [groupNames, splitNames] = [names(group, "group_key"), names(split, "split_key")];
  const isTime = group === "day" || group === "hour";
  const { byBytes } = dialect;
  // The outer query looks up names once per group, not once per row. Times are grouped as numbers: as text,
  // each summed row would be formatted.
  const sql = `SELECT * FROM (
    SELECT sums.*, ${shown(group, "group_key")} AS key, ${shown(split, "split_key")} AS split,
      ${groupNames.name} AS name, ${splitNames.name} AS split_name FROM (
      SELECT ${groups.includes("group_key") ? "group_key" : "'' AS group_key"},
        ${groups.includes("split_key") ? "split_key" : "'' AS split_key"},
        ${SUM_COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ")}
      FROM (${unions.join(" UNION ALL ")}) AS parts ${grouped} ${having}
    ) AS sums ${groupNames.join} ${splitNames.join}) AS named
    ORDER BY ${isTime ? "group_key, " : ""}cost_micros DESC, requests DESC, key${byBytes}, split${byBytes}
    ${limit === undefined ? "" : `LIMIT ${limit}`}`;
  return { sql, values: source.values };
}

/** Parts of the same rows, which one day gets and another one loses. */
type SameRows = readonly [Part, ...Part[]];

/**
 * Groups parts that follow each other and have the same hours, if several of their rows have the same sums.
 * Otherwise it costs less to read the rows twice.
 */
function byRows(parts: readonly Part[], source: UsageSource): SameRows[] {
  const found: SameRows[] = [];
  for (const part of parts) {
    const last = found.at(-1);
    const isSame = last !== undefined && part.starts !== undefined && last[0].starts === part.starts &&
      (source.joinsOwners(part) || !isOfOne(part));
    if (isSame) found.splice(-1, 1, [...last, part]);
    else found.push([part]);
  }
  return found;
}

/**
 * The SQL of hours that are moved from one day to another: they are summed once, and not once for each day.
 */
function movedSums(
  same: SameRows,
  { source, keyOf, grouping: { group, split } }: {
    source: UsageSource;
    keyOf: (part: Part) => string[];
    grouping: Pick<UsageGrouping, "group" | "split">;
  },
): string {
  const [part] = same;
  const rows = source.select(part, { key: keyOf({ ...part, shiftMs: 0 }), columns: SUM_COLUMNS });
  const moves = same.map(({ shiftMs = 0, sign }) => `SELECT ${shiftMs} AS shift, ${sign} AS sign`);
  const shifted = (by: UsageGroup | undefined, key: string) =>
    by === "day" ? `${key} + shift AS ${key}` : key;
  // PostgreSQL sums integers to numbers of any length, which are slow to add.
  const summed = (name: typeof SUM_COLUMNS[number]) =>
    name === "duration_ms" ? `sum(${name}) AS ${name}` : `CAST(sum(${name}) AS bigint) AS ${name}`;
  return `SELECT ${shifted(group, "group_key")}, ${shifted(split, "split_key")},
      ${SUM_COLUMNS.map((name) => `sign * ${name} AS ${name}`).join(", ")}
    FROM (SELECT group_key, split_key, ${SUM_COLUMNS.map(summed).join(", ")}
      FROM (${rows}) AS moved_rows GROUP BY group_key, split_key) AS moved_sums
    CROSS JOIN (${moves.join(" UNION ALL ")}) AS moves`;
}

/**
 * The query of the times to the first byte of each group. Its rows have `group_key`, `sign`, and `counts`,
 * which `addBuckets` reads.
 */
export function firstBytesStatement(
  { group }: Pick<UsageGrouping, "group">,
  filter: UsageFilter,
  { parts, dialect, tokens }: StatementParts,
): Statement {
  const source = new UsageSource({ group, split: undefined }, filter, { parts, dialect, tokens });
  const single = parts.filter(({ table }) => PACKED[table] === undefined);
  const packed = parts.filter(({ table }) => PACKED[table] !== undefined);
  const unions: string[] = [];
  if (single.length > 0) {
    const rows = single.map((part) =>
      source.select(part, {
        key: [source.key(group, part, "group_key")],
        columns: ["bucket", part.sign === 1 ? "requests" : "-requests AS requests"],
        table: source.isUnfiltered && part.table === "usage" && (group === undefined || isTime(group))
          ? "first_bytes_total"
          : part.table === "usage"
          ? "first_bytes"
          : "first_bytes_days",
      })
    );
    unions.push(
      `SELECT group_key, 1 AS sign, ${dialect.joined("bucket || ':' || requests")} AS counts FROM (
         SELECT group_key, bucket, sum(requests) AS requests FROM (${rows.join(" UNION ALL ")}) AS parts
         GROUP BY group_key, bucket) AS buckets GROUP BY group_key`,
    );
  }
  if (packed.length > 0) {
    const rows = packed.map((part) =>
      source.select(part, {
        key: [source.key(group, part, "group_key"), `${part.sign} AS sign`],
        columns: ["first_bytes"],
      })
    );
    unions.push(
      `SELECT group_key, sign, ${dialect.joined("first_bytes")} AS counts
       FROM (${rows.join(" UNION ALL ")}) AS packed GROUP BY group_key, sign`,
    );
  }
  return { sql: unions.join(" UNION ALL "), values: source.values };
}

/**
 * The query of the admitted requests of all time, by the subject of their token and by that of their project.
 * Its columns are `subject` and `requests`. `parts` are those of a query by token and project.
 */
export function requestsStatement(
  parts: readonly Part[],
  { shared, token, project }: { shared: string; token: string; project: string },
): string {
  const rows = parts.map(({ table, from, to }) =>
    `SELECT token_id, principal, project_id, admitted FROM ${table} WHERE start >= ${from} AND start < ${to}`
  );
  return `WITH sums AS (
      SELECT token_id, principal, project_id, sum(admitted) AS requests
      FROM (${rows.join(" UNION ALL ")}) AS parts GROUP BY token_id, principal, project_id
    )
    SELECT CASE token_id WHEN '' THEN '${shared}' || principal ELSE '${token}' || token_id END AS subject,
      sum(requests) AS requests FROM sums GROUP BY 1
    UNION ALL
    SELECT '${project}' || project_id, sum(requests) FROM sums WHERE project_id <> '' GROUP BY 1`;
}

/** The tables whose rows have their times to the first byte. The others have tables beside them. */
const PACKED: Partial<Record<Part["table"], true>> = {
  usage_months: true,
  usage_by_hour: true,
  usage_by_day: true,
  usage_by_month: true,
  usage_of_all_by_hour: true,
  usage_of_all_by_day: true,
};

function isTime(by: UsageGroup): by is "day" | "hour" {
  return by === "day" || by === "hour";
}
