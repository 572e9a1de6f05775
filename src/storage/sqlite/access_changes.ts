/**
 * Reads the projects and tokens for the check of requests from SQLite: all of them, or those that changed.
 */

import type { Access, AccessChanges } from "../access_store.ts";
import { projectsOf } from "../rows/project_row.ts";
import { tokenOf } from "../rows/token_row.ts";
import type { Connection } from "./connection.ts";

/** The number of changes that stay. A reader that missed more reads everything. */
const KEPT_CHANGES = 10_000;
const CHANGED = "SELECT id FROM access_changes WHERE kind = ? AND seq > ? AND seq <= ?";

/** Reads all projects and tokens. */
export function readAccess(database: Connection): Access {
  // Read first: the rows can be newer than the position, but never older.
  const position = latestChange(database);
  const keys = database.all("SELECT * FROM project_keys ORDER BY endpoint");
  return {
    projects: projectsOf(database.all("SELECT * FROM projects"), keys),
    tokens: database.all("SELECT * FROM tokens").map(tokenOf),
    position,
  };
}

/**
 * Reads the projects and tokens that changed after a position. Returns `undefined` if {@link
 * pruneAccessChanges} has deleted one of the changes.
 */
export function readAccessChanges(database: Connection, since: number): AccessChanges | undefined {
  // One query for both would read all rows.
  const first = Number(database.get("SELECT min(seq) AS first FROM access_changes")?.["first"] ?? 0);
  const position = latestChange(database);
  if (since < first - 1 || since > position) return undefined;
  const changed = (kind: "project" | "token") => {
    const range = [kind, since, position];
    const ids = new Set(database.all(CHANGED, ...range).map((row) => String(row["id"])));
    const rows = database.all(`SELECT * FROM ${kind}s WHERE id IN (${CHANGED})`, ...range);
    for (const row of rows) ids.delete(String(row["id"]));
    return { rows, deleted: [...ids] };
  };
  const projects = changed("project");
  const tokens = changed("token");
  const keys = projects.rows.length === 0 ? [] : database.all(
    `SELECT * FROM project_keys WHERE project_id IN (${CHANGED}) ORDER BY endpoint`,
    "project",
    since,
    position,
  );
  return {
    projects: projectsOf(projects.rows, keys),
    tokens: tokens.rows.map(tokenOf),
    deletedProjects: projects.deleted,
    deletedTokens: tokens.deleted,
    position,
  };
}

/**
 * The position of the latest change of a project or a token. 0: there was none. Throws a `StoreError` if one
 * of the tables is missing, because a damaged table changes nothing that a trigger sees.
 */
export function latestChange(database: Connection): number {
  const row = database.get(
    `SELECT (SELECT max(seq) FROM access_changes) AS last, EXISTS (SELECT 1 FROM projects),
       EXISTS (SELECT 1 FROM project_keys), EXISTS (SELECT 1 FROM tokens)`,
  );
  return Number(row?.["last"] ?? 0);
}

/** Deletes all but the latest changes. The latest one always stays, so that positions never repeat. */
export function pruneAccessChanges(database: Connection): void {
  database.run(
    "DELETE FROM access_changes WHERE seq <= (SELECT max(seq) FROM access_changes) - ?",
    KEPT_CHANGES,
  );
}
