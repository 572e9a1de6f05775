/** Reads the projects and tokens for the check of requests: all of them, or those that changed. */

import type { Access, AccessChanges } from "../access_store.ts";
import { projectsOf } from "../rows/project_row.ts";
import type { Row } from "../rows/row.ts";
import { tokenOf } from "../rows/token_row.ts";
import { latestChange } from "./access_watch.ts";
import type { PostgresPool, Queries } from "./pool.ts";
import { PROJECT_COLUMNS } from "./project_tables.ts";
import { TOKEN_COLUMNS } from "./token_tables.ts";

/** The number of changes that stay. A reader that missed more reads everything. */
export const KEPT_CHANGES = 1_000;
const CHANGED = "SELECT DISTINCT id FROM access_changes WHERE kind = $1 AND seq > $2 AND seq <= $3";
/** All queries of a read see one state of the database. */
const ONE_STATE = { begin: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY" };

/** Reads all projects and tokens. */
export function readAccess(pool: PostgresPool): Promise<Access> {
  return pool.transaction(async (queries) => {
    const position = await latestChange(queries);
    const projects = await queries.all(`SELECT ${PROJECT_COLUMNS} FROM projects ORDER BY seq`);
    const keys = await queries.all("SELECT * FROM project_keys ORDER BY endpoint");
    const tokens = await queries.all(`SELECT ${TOKEN_COLUMNS} FROM tokens ORDER BY seq`);
    return { projects: projectsOf(projects, keys), tokens: tokens.map(tokenOf), position };
  }, ONE_STATE);
}

/**
 * Reads the projects and tokens that changed after a position. Resolves with `undefined` if {@link
 * pruneAccessChanges} has deleted one of the changes.
 */
export function readAccessChanges(pool: PostgresPool, since: number): Promise<AccessChanges | undefined> {
  return pool.transaction(async (queries) => {
    const ends = await queries.get("SELECT min(seq) AS first, max(seq) AS last FROM access_changes");
    const first = Number(ends?.["first"] ?? 0);
    const position = Number(ends?.["last"] ?? 0);
    if (since < first - 1 || since > position) return undefined;
    const range = { since, position };
    const projects = await changed(queries, { ...range, kind: "project", columns: PROJECT_COLUMNS });
    const tokens = await changed(queries, { ...range, kind: "token", columns: TOKEN_COLUMNS });
    const ids = projects.rows.map((row) => row["id"]);
    const keys = ids.length === 0
      ? []
      : await queries.all("SELECT * FROM project_keys WHERE project_id = ANY($1) ORDER BY endpoint", [ids]);
    return {
      projects: projectsOf(projects.rows, keys),
      tokens: tokens.rows.map(tokenOf),
      deletedProjects: projects.deleted,
      deletedTokens: tokens.deleted,
      position,
    };
  }, ONE_STATE);
}

async function changed(
  queries: Queries,
  { since, position, kind, columns }: {
    since: number;
    position: number;
    kind: "project" | "token";
    columns: string;
  },
): Promise<{ rows: Row[]; deleted: string[] }> {
  const ids = (await queries.all(CHANGED, [kind, since, position])).map((row) => String(row["id"]));
  if (ids.length === 0) return { rows: [], deleted: [] };
  const rows = await queries.all(`SELECT ${columns} FROM ${kind}s WHERE id = ANY($1) ORDER BY seq`, [ids]);
  const found = new Set(rows.map((row) => String(row["id"])));
  return { rows, deleted: ids.filter((id) => !found.has(id)) };
}

/** Deletes all but the latest changes. The latest one always stays, so that positions never repeat. */
export async function pruneAccessChanges(queries: Queries): Promise<void> {
  await queries.run(
    "DELETE FROM access_changes WHERE seq <= (SELECT max(seq) FROM access_changes) - $1",
    [KEPT_CHANGES],
  );
}
