/** The rows that a query of usage reads, with the conditions of its filter. */

import type { UsageFilter, UsageGroup, UsageGrouping } from "../usage_store.ts";
import type { FilteredTokens } from "./filtered_tokens.ts";
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

/** The SQL of each dimension in tables with all of them. That of a person needs {@link joinedOwners}. */
export const DIMENSION_COLUMNS: Readonly<Record<Dimension, string>> = {
  model: "model",
  // Tokens of the configuration have no id. Their name is in principal.
  token: "CASE token_id WHEN '' THEN principal ELSE token_id END",
  project: "project_id",
  endpoint: "endpoint",
  client: "client",
  person: "coalesce(owner, '')",
};
/** A query with conditions names up to so many hours or days, and otherwise its period. */
const MOST_STARTS = 1_500;
/** A query names up to so many values of a list. */
const MOST_VALUES = 500;
/** The name of the dimension of sums of everything. */
export const NO_DIMENSION = "";

/** What a query reads, and how. */
export interface StatementParts {
  readonly parts: readonly Part[];
  readonly dialect: SqlDialect;
  /** The tokens of the filter, if they were looked up. */
  readonly tokens?: FilteredTokens | undefined;
}

/** A condition on the rows of sums. */
interface Condition {
  readonly dimension: Dimension;
  /** `equals`: one of the values. `in`: the value is a list in JSON. `owner`: the token has this owner. */
  readonly test: "equals" | "in" | "owner";
  readonly values: readonly string[];
}

/** The conditions of a filter that are not about time. */
function conditionsOf(filter: UsageFilter): Condition[] {
  const { projectId, tokenId, endpoint, model, client, personId, within = { kind: "all" } } = filter;
  const all = { model, project: projectId, token: tokenId, endpoint, client };
  const equal = FILTERED.flatMap((dimension): Condition[] => {
    const value = all[dimension];
    return value === undefined ? [] : [{ dimension, test: "equals", values: [value] }];
  });
  const owners = [personId, within.kind === "own" ? within.owner : undefined];
  const projects = within.kind === "all" || within.projects === "all" ? undefined : within.projects;
  return [
    ...equal,
    ...owners.flatMap((value): Condition[] =>
      value === undefined ? [] : [{ dimension: "person", test: "owner", values: [value] }]
    ),
    ...projects === undefined ? [] : [ofProjects(projects)],
  ];
}

function ofProjects(projects: readonly string[]): Condition {
  // Only with single values does PostgreSQL find the rows by their project. It joins a list to all rows.
  return projects.length > 0 && projects.length <= MOST_VALUES
    ? { dimension: "project", test: "equals", values: projects }
    : { dimension: "project", test: "in", values: [JSON.stringify(projects)] };
}

/**
 * The SQL that joins the owners of tokens to `summed`, whose `column` has the id of the token. A deleted
 * token keeps its owner in this table.
 */
export function joinedOwners(column: string): string {
  return `LEFT JOIN (SELECT token_id AS owned_id, owner_id AS owner FROM token_owners) AS owned
    ON owned.owned_id = summed.${column}`;
}

/** Reads rows of parts, with the conditions of a filter. */
export class UsageSource {
  /** The values of the placeholders of the statements so far. */
  readonly values: string[] = [];
  readonly #conditions: readonly Condition[];
  readonly #dimension: Dimension | undefined;
  readonly #dialect: SqlDialect;
  readonly #tokens: FilteredTokens | undefined;
  readonly #groupsByOwner: boolean;

  constructor(
    grouping: Pick<UsageGrouping, "group" | "split">,
    filter: UsageFilter,
    { dialect, tokens }: StatementParts,
  ) {
    this.#conditions = conditionsOf(filter);
    this.#tokens = tokens;
    this.#groupsByOwner = grouping.group === "person" || grouping.split === "person";
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
    const isInValue = isOfOne(part) && (by !== "person" || this.#isByPerson(part));
    return `${isInValue ? "value" : DIMENSION_COLUMNS[by]} AS ${name}`;
  }

  /** Whether each row of a part is of the owner of tokens, and not of a token. */
  #isByPerson(part: Part): boolean {
    return isOfOne(part) && this.#dimension === "person";
  }

  /** Whether the owners of the tokens of a part must be looked up for its groups. */
  joinsOwners(part: Part): boolean {
    return this.#groupsByOwner && !this.#isByPerson(part);
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
    const conditions = this.#conditions.map((condition) => this.#condition(condition, part));
    const projects = this.#tokens?.projects;
    if (isOfOne(part)) conditions.unshift(`dimension = '${this.#dimension ?? NO_DIMENSION}'`);
    else if (projects !== undefined) conditions.push(this.#isIn("project_id", projects));
    const starts = part.starts ?? (this.isUnfiltered ? undefined : startsOf(part));
    conditions.push(
      starts === undefined
        ? `start >= ${part.from} AND start < ${part.to}`
        : `start IN (${starts.join(", ")})`,
    );
    const owners = this.joinsOwners(part) ? joinedOwners(isOfOne(part) ? "value" : "token_id") : "";
    return `SELECT ${[...key, ...columns].join(", ")} FROM ${table} AS summed ${owners} WHERE ${
      conditions.join(" AND ")
    }`;
  }

  #condition({ dimension, test, values }: Condition, part: Part): string {
    const column = isOfOne(part) ? "value" : test === "owner" ? "token_id" : DIMENSION_COLUMNS[dimension];
    switch (test) {
      case "equals":
        return this.#isIn(column, values);
      case "in":
        // These values have another type in PostgreSQL, so they have separate placeholders.
        return `${column} IN ${this.#dialect.list(this.#dialect.placeholder(this.values.push(...values)))}`;
      case "owner":
        if (this.#isByPerson(part)) return this.#isIn("value", values);
        if (this.#tokens?.ofOwner !== undefined) return this.#isIn(column, this.#tokens.ofOwner);
        return `${column} IN (
          SELECT owned.token_id FROM token_owners AS owned WHERE ${this.#isIn("owned.owner_id", values)})`;
      default:
        return test satisfies never;
    }
  }

  #isIn(column: string, values: readonly string[]): string {
    return values.length === 0 ? "1 = 0" : `${column} IN (${this.#places(values)})`;
  }

  /** The placeholders of values, with commas between them. */
  #places(values: readonly string[]): string {
    return values.map((value) => {
      const known = this.values.indexOf(value);
      return this.#dialect.placeholder(known === -1 ? this.values.push(value) : known + 1);
    }).join(", ");
  }
}

/** The intervals of tables with several dimensions, in milliseconds. */
const STEPS: Partial<Record<Part["table"], number>> = {
  usage: HOUR_MS,
  usage_days: DAY_MS,
  usage_of_all_by_hour: HOUR_MS,
  usage_of_all_by_day: DAY_MS,
};

/**
 * The hours or days of a part with several dimensions; `undefined` if they are too many. The keys of the
 * tables begin with the start, and then the project or the endpoint: with each start, an index finds the rows
 * of one of them, and without them, all rows of the period are read.
 */
function startsOf({ table, from, to }: Part): number[] | undefined {
  const stepMs = STEPS[table];
  if (stepMs === undefined || to <= from || to - from > MOST_STARTS * stepMs) return undefined;
  const first = Math.ceil(from / stepMs) * stepMs;
  return Array.from(
    { length: Math.max(0, Math.ceil((to - first) / stepMs)) },
    (_, index) => first + index * stepMs,
  );
}

/** The dimensions that a filter has values of, in the order in which conditions name them. */
const FILTERED = ["model", "token", "project", "endpoint", "client"] as const;
/** All dimensions. Closed sums are made by each of them. */
export const DIMENSIONS: readonly Dimension[] = [...FILTERED, "person"];

/** Whether a part reads a table with sums by one dimension each. */
export function isOfOne({ table }: Part): boolean {
  return table.startsWith("usage_by_");
}
