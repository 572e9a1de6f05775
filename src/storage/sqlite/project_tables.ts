/** Projects and their provider keys in SQLite. */

import type { Project, ProjectChange, ProjectFilter, ProjectKey } from "../access_store.ts";
import type { Listed, Page } from "../page.ts";
import { scopeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Connection } from "./connection.ts";
import { pageOf } from "../rows/pages.ts";
import { text } from "../rows/row_values.ts";
import { keyOf, projectOf } from "../rows/project_row.ts";
import { type Columns, updateRow } from "./versioned_row.ts";

function keysOf(database: Connection, projectId: string): ProjectKey[] {
  return database.all("SELECT * FROM project_keys WHERE project_id = ? ORDER BY endpoint", projectId).map(
    keyOf,
  );
}

/** Finds a project by its id. */
export function findProject(database: Connection, id: string): Project | undefined {
  const row = database.get("SELECT * FROM projects WHERE id = ?", id);
  return row && projectOf(row, keysOf(database, id));
}

/** Lists projects, newest first. */
export function listProjects(database: Connection, page: Page & ProjectFilter): Listed<Project> {
  const { text: where, values } = conditionsOf([
    ["seq < ?", page.before],
    ["active = ?", page.activeOnly ? 1 : undefined],
    ...scopeConditions(page.within, { project: "id" }, DIALECT),
  ]);
  const rows = database.all(
    `SELECT * FROM projects ${where} ORDER BY seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return pageOf(rows, page, (row) => projectOf(row, keysOf(database, text(row, "id"))));
}

/** Adds a project with its keys. Throws a {@link StoreError} of the kind `taken` if its name is in use. */
export function insertProject(database: Connection, project: Project): void {
  const { id, name, active, rules, keys, createdAt, updatedAt, version } = project;
  database.run(
    "INSERT INTO projects (id, name, active, rules, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?)",
    id,
    name,
    active ? 1 : 0,
    JSON.stringify(rules),
    createdAt,
    updatedAt,
    version,
  );
  insertKeys(database, id, keys);
}

function insertKeys(database: Connection, projectId: string, keys: readonly ProjectKey[]): void {
  for (const { endpoint, sealed, suffix } of keys) {
    database.run("INSERT INTO project_keys VALUES (?, ?, ?, ?)", projectId, endpoint, sealed, suffix);
  }
}

/** Changes a project. Returns `false` if it has another version by now. */
export function updateProject(
  database: Connection,
  of: { id: string; version: number; at: number },
  { keys, ...change }: ProjectChange,
): boolean {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", change.name]);
  if (change.active !== undefined) columns.push(["active", change.active ? 1 : 0]);
  if (change.rules !== undefined) columns.push(["rules", JSON.stringify(change.rules)]);
  if (!updateRow(database, { table: "projects", of, columns })) return false;
  if (keys !== undefined) {
    database.run("DELETE FROM project_keys WHERE project_id = ?", of.id);
    insertKeys(database, of.id, keys);
  }
  return true;
}

/** Deletes a project with its keys and tokens, if all its tokens are revoked. */
export function deleteProject(
  database: Connection,
  { id, version }: { id: string; version: number },
): "deleted" | "has tokens" | "changed" {
  if (database.get("SELECT 1 FROM tokens WHERE project_id = ? AND revoked_at IS NULL", id) !== undefined) {
    return "has tokens";
  }
  if (database.get("SELECT 1 FROM projects WHERE id = ? AND version = ?", id, version) === undefined) {
    return "changed";
  }
  database.run("DELETE FROM tokens WHERE project_id = ?", id);
  database.run("DELETE FROM projects WHERE id = ?", id);
  return "deleted";
}
