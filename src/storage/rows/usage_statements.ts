/** The SQL of queries of usage, in the words that PostgreSQL and SQLite have in common. */

import type { UsageFilter, UsageGroup, UsageGrouping } from "../usage_store.ts";
import { type Dimension, dimensionsOf, type Part } from "./usage_parts.ts";
import { DAY_MS, SUM_COLUMNS } from "./usage_sums.ts";

/** What databases write differently. */
export interface SqlDialect {
  /** The placeholder of the value with a number, from 1 on. It can occur several times. */
  readonly placeholder: (number: number) => string;
  /** The SQL that joins texts of several rows, with spaces between them. */
  readonly joined: (expression: string) => string;
  /** The SQL that writes a time, in milliseconds since 1970, as a day or an hour of UTC. */
  readonly time: (by: "day" | "hour", expression: string) => string;
  /** The SQL of a list, for `IN`. The placeholder is that of a text with the list in JSON. */
  readonly list: (placeholder: string) => string;
  /** What follows an expression in `ORDER BY`, so that texts are compared by their bytes. */
  readonly byBytes: string;
}

/** The SQL of each dimension in tables with all of them. */
export const DIMENSION_COLUMNS: Readonly<Record<Dimension, string>> = {
  model: "model",
  // Tokens of the configuration have no id. Their name is in principal.
  token: "CASE token_id WHEN '' THEN principal ELSE token_id END",
  project: "project_id",
  endpoint: "endpoint",
  client: "client",
};
/** The SQL of the name of each value. Accounts at providers have no row in `tokens`. */
const NAMED: Partial<Record<UsageGroup, (value: string) => string>> = {
  token: (value) =>
    `coalesce((SELECT name FROM tokens WHERE id = ${value}), ` +
    `(SELECT name FROM account_names WHERE token_id = ${value}))`,
  project: (value) => `(SELECT name FROM projects WHERE id = ${value})`,
  person: (value) => `(SELECT name FROM people WHERE id = ${value})`,
};
/** The name of the dimension of sums of everything. */
export const NO_DIMENSION = "";

/** SQL with the values of its placeholders. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly string[];
}

/** The query of the sums of usage. Its columns are those that `usageOf` reads, `group_key` and the split. */
export function sumsStatement(
  { group, split, limit }: UsageGrouping,
  filter: UsageFilter,
  { parts, dialect }: { parts: readonly Part[]; dialect: SqlDialect },
): Statement {
  const source = new Source({ group, split }, filter, dialect);
  const groups = [...group === undefined ? [] : ["group_key"], ...split === undefined ? [] : ["split_key"]];
  const unions = parts.map((part) =>
    source.select(part, {
      key: [source.key(group, part, "group_key"), source.key(split, part, "split_key")],
      columns: SUM_COLUMNS.map((name) => part.sign === 1 ? name : `-${name} AS ${name}`),
    })
  );
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
  const name = (by: UsageGroup | undefined, column: string) => {
    const named = by && NAMED[by];
    return named === undefined ? "NULL" : named(`sums.${column}`);
  };
  const isTime = group === "day" || group === "hour";
  const { byBytes } = dialect;
  // The outer query looks up names once per group, not once per row. Times are grouped as numbers: as text,
  // each summed row would be formatted.
  const sql = `SELECT * FROM (
    SELECT sums.*, ${shown(group, "group_key")} AS key, ${shown(split, "split_key")} AS split,
      ${name(group, "group_key")} AS name, ${name(split, "split_key")} AS split_name FROM (
      SELECT ${groups.includes("group_key") ? "group_key" : "'' AS group_key"},
        ${groups.includes("split_key") ? "split_key" : "'' AS split_key"},
        ${SUM_COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ")}
      FROM (${unions.join(" UNION ALL ")}) AS parts ${grouped} ${having}
    ) AS sums) AS named
    ORDER BY ${isTime ? `key${byBytes}, ` : ""}cost_micros DESC, requests DESC, key${byBytes}, split${byBytes}
    ${limit === undefined ? "" : `LIMIT ${limit}`}`;
  return { sql, values: source.values };
}

/**
 * The query of the times to the first byte of each group. Its rows have `group_key`, `sign`, and `counts`,
 * which `addBuckets` reads.
 */
export function firstBytesStatement(
  { group }: Pick<UsageGrouping, "group">,
  filter: UsageFilter,
  { parts, dialect }: { parts: readonly Part[]; dialect: SqlDialect },
): Statement {
  const source = new Source({ group, split: undefined }, filter, dialect);
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
};

function isTime(by: UsageGroup): by is "day" | "hour" {
  return by === "day" || by === "hour";
}

/** A condition on the rows of sums. */
interface Condition {
  readonly dimension: Dimension;
  /** `equals` a value; `in` a list, in JSON; the `owner` of a token has an id. */
  readonly test: "equals" | "in" | "owner";
  readonly value: string;
}

/** The conditions of a filter that are not about time. */
function conditionsOf(filter: UsageFilter): Condition[] {
  const { projectId, tokenId, endpoint, model, client, personId, within = { kind: "all" } } = filter;
  const all = { model, project: projectId, token: tokenId, endpoint, client };
  const equal = DIMENSIONS.flatMap((dimension): Condition[] => {
    const value = all[dimension];
    return value === undefined ? [] : [{ dimension, test: "equals", value }];
  });
  const owners = [personId, within.kind === "own" ? within.owner : undefined];
  const projects = within.kind === "all" || within.projects === "all" ? undefined : within.projects;
  return [
    ...equal,
    ...owners.flatMap((value): Condition[] =>
      value === undefined ? [] : [{ dimension: "token", test: "owner", value }]
    ),
    ...projects === undefined
      ? []
      : [{ dimension: "project", test: "in", value: JSON.stringify(projects) } as const],
  ];
}

/** The SQL of the owner of a token. A deleted token keeps its owner in this table. */
function ownerOf(column: string): string {
  return `coalesce((SELECT owned.owner_id FROM token_owners AS owned WHERE owned.token_id = summed.${column}), '')`;
}

/** Reads rows of parts, with the conditions of a filter. */
class Source {
  readonly values: readonly string[];
  readonly #conditions: readonly Condition[];
  readonly #dimension: Dimension | undefined;
  readonly #dialect: SqlDialect;

  constructor(
    grouping: Pick<UsageGrouping, "group" | "split">,
    filter: UsageFilter,
    dialect: SqlDialect,
  ) {
    this.#conditions = conditionsOf(filter);
    this.values = this.#conditions.map(({ value }) => value);
    // Tables of one dimension are read only for queries that need no other.
    [this.#dimension] = dimensionsOf(grouping, filter);
    this.#dialect = dialect;
  }

  get isUnfiltered(): boolean {
    return this.#conditions.length === 0;
  }

  /** The SQL of a group in the rows of a part. */
  key(by: UsageGroup | undefined, part: Part, name: string): string {
    if (by === undefined) return `'' AS ${name}`;
    if (by === "hour") return `start AS ${name}`;
    if (by === "day") {
      const { offsetMs = 0, shiftMs = 0 } = part;
      return `(start + ${offsetMs}) / ${DAY_MS} * ${DAY_MS} + ${shiftMs} AS ${name}`;
    }
    if (by === "person") return `${ownerOf(isOfOne(part) ? "value" : "token_id")} AS ${name}`;
    return `${isOfOne(part) ? "value" : DIMENSION_COLUMNS[by]} AS ${name}`;
  }

  /** The SQL of the rows of a part. */
  select(
    part: Part,
    { key, columns, table = part.table }: {
      key: readonly string[];
      columns: readonly string[];
      table?: string;
    },
  ): string {
    const conditions = this.#conditions.map(({ dimension, test }, index) => {
      const placeholder = this.#dialect.placeholder(index + 1);
      const column = isOfOne(part) ? "value" : test === "owner" ? "token_id" : DIMENSION_COLUMNS[dimension];
      switch (test) {
        case "equals":
          return `${column} = ${placeholder}`;
        case "in":
          return `${column} IN ${this.#dialect.list(placeholder)}`;
        case "owner":
          return `${column} IN (SELECT owned.token_id FROM token_owners AS owned WHERE owned.owner_id = ${placeholder})`;
        default:
          return test satisfies never;
      }
    });
    if (isOfOne(part)) conditions.unshift(`dimension = '${this.#dimension ?? NO_DIMENSION}'`);
    conditions.push(
      part.starts === undefined
        ? `start >= ${part.from} AND start < ${part.to}`
        : `start IN (${part.starts.join(", ")})`,
    );
    return `SELECT ${[...key, ...columns].join(", ")} FROM ${table} AS summed WHERE ${
      conditions.join(" AND ")
    }`;
  }
}

/** The dimensions in the order in which conditions and closed sums name them. */
export const DIMENSIONS: readonly Dimension[] = ["model", "token", "project", "endpoint", "client"];

/** Whether a part reads a table with sums by one dimension each. */
function isOfOne({ table }: Part): boolean {
  return table.startsWith("usage_by_");
}
