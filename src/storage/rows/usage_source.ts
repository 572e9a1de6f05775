/** The rows that a query of usage reads, with the conditions of its filter. */

import type { UsageFilter, UsageGroup, UsageGrouping } from "../usage_store.ts";
import { type Dimension, dimensionsOf, type Part } from "./usage_parts.ts";
import { DAY_MS, HOUR_MS } from "./usage_sums.ts";

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
/** A query with conditions names up to so many hours or days, and otherwise its period. */
const MOST_STARTS = 1_500;
/** The name of the dimension of sums of everything. */
export const NO_DIMENSION = "";

/** What a query reads, and how. */
export interface StatementParts {
  readonly parts: readonly Part[];
  readonly dialect: SqlDialect;
  /** The project of the token that the filter names: the rows of the token are found by it. */
  readonly projectOfToken?: string | undefined;
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

/** The SQL that joins the owners of tokens. A deleted token keeps its owner in this table. */
function joinedOwners(column: string): string {
  return `LEFT JOIN (SELECT token_id AS owned_id, owner_id AS owner FROM token_owners) AS owned
    ON owned.owned_id = summed.${column}`;
}

/** Reads rows of parts, with the conditions of a filter. */
export class UsageSource {
  readonly values: readonly string[];
  readonly #conditions: readonly Condition[];
  readonly #dimension: Dimension | undefined;
  readonly #dialect: SqlDialect;
  /** The placeholder of the project of the token of the filter. */
  readonly #projectOfToken: string | undefined;
  /** Whether sums are grouped by the owners of tokens. */
  readonly groupsByOwner: boolean;

  constructor(
    grouping: Pick<UsageGrouping, "group" | "split">,
    filter: UsageFilter,
    { parts, dialect, projectOfToken }: StatementParts,
  ) {
    this.#conditions = conditionsOf(filter);
    const values = this.#conditions.map(({ value }) => value);
    // Each value must occur in the statement.
    if (projectOfToken !== undefined && !parts.every(isOfOne)) {
      values.push(projectOfToken);
      this.#projectOfToken = dialect.placeholder(values.length);
    }
    this.values = values;
    this.groupsByOwner = grouping.group === "person" || grouping.split === "person";
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
    if (by === "person") return `coalesce(owner, '') AS ${name}`;
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
    else if (this.#projectOfToken !== undefined) conditions.push(`project_id = ${this.#projectOfToken}`);
    const starts = part.starts ?? (this.isUnfiltered ? undefined : startsOf(part));
    conditions.push(
      starts === undefined
        ? `start >= ${part.from} AND start < ${part.to}`
        : `start IN (${starts.join(", ")})`,
    );
    const owners = this.groupsByOwner ? joinedOwners(isOfOne(part) ? "value" : "token_id") : "";
    return `SELECT ${[...key, ...columns].join(", ")} FROM ${table} AS summed ${owners} WHERE ${
      conditions.join(" AND ")
    }`;
  }
}

/**
 * The hours or days of a part with all dimensions; `undefined` if they are too many. The keys of the tables
 * begin with the start and the project: with each start, an index finds the rows of a project, and without
 * them, all rows of the period are read.
 */
function startsOf({ table, from, to }: Part): number[] | undefined {
  const stepMs = table === "usage" ? HOUR_MS : table === "usage_days" ? DAY_MS : undefined;
  if (stepMs === undefined || to <= from || to - from > MOST_STARTS * stepMs) return undefined;
  const first = Math.ceil(from / stepMs) * stepMs;
  return Array.from(
    { length: Math.max(0, Math.ceil((to - first) / stepMs)) },
    (_, index) => first + index * stepMs,
  );
}

/** The dimensions in the order in which conditions and closed sums name them. */
export const DIMENSIONS: readonly Dimension[] = ["model", "token", "project", "endpoint", "client"];

/** Whether a part reads a table with sums by one dimension each. */
export function isOfOne({ table }: Part): boolean {
  return table.startsWith("usage_by_");
}
