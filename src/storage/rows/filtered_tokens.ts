/**
 * The tokens that a filter of usage names, by an id or by an owner. The keys of the sums begin with the time
 * and the project, so that the projects of the tokens find their rows.
 */

import type { UsageFilter } from "../usage_store.ts";
import type { Row } from "./row.ts";
import type { SqlDialect } from "./usage_source.ts";
import type { Statement } from "./usage_statements.ts";

/** The most tokens of an owner that a query has as values. */
const MOST_TOKENS = 500;

/** The tokens of a filter, as they were looked up. */
export interface FilteredTokens {
  /** All tokens of the owner. `undefined`: the filter has a token, or the owner has too many. */
  readonly ofOwner: readonly string[] | undefined;
  /** `undefined` if a project is unknown: a token is deleted, or an account at a provider. */
  readonly projects: readonly string[] | undefined;
}

/**
 * The query of the tokens that a filter names, for {@link filteredTokens}. `undefined` if a look-up would not
 * help.
 */
export function tokensStatement(filter: UsageFilter, dialect: SqlDialect): Statement | undefined {
  const { tokenId, projectId, personId, within } = filter;
  const place = dialect.placeholder(1);
  if (tokenId !== undefined) {
    if (projectId !== undefined) return undefined;
    return { sql: `SELECT id AS token_id, project_id FROM tokens WHERE id = ${place}`, values: [tokenId] };
  }
  const owner = within?.kind === "own" ? within.owner : personId;
  // With two people, no token has both as its owner.
  if (owner === undefined || personId !== undefined && personId !== owner) return undefined;
  const sql = `SELECT owned.token_id, tokens.project_id
    FROM token_owners AS owned LEFT JOIN tokens ON tokens.id = owned.token_id
    WHERE owned.owner_id = ${place} LIMIT ${MOST_TOKENS + 1}`;
  return { sql, values: [owner] };
}

/** Reads the rows of {@link tokensStatement}. */
export function filteredTokens({ tokenId }: UsageFilter, rows: readonly Row[]): FilteredTokens {
  if (rows.length > MOST_TOKENS) return { ofOwner: undefined, projects: undefined };
  const projects = new Set(rows.map((row) => row["project_id"]));
  const isKnown = !projects.has(null) && (tokenId === undefined || rows.length > 0);
  return {
    ofOwner: tokenId === undefined ? rows.map((row) => String(row["token_id"])) : undefined,
    projects: isKnown ? [...projects].map(String) : undefined,
  };
}
