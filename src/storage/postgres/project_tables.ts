/** Projects and their provider keys in PostgreSQL. */

import type { Project, ProjectChange, ProjectFilter, ProjectKey } from "../access_store.ts";
import type { Listed, Page } from "../page.ts";
import { pageOf } from "../rows/pages.ts";
import { projectsOf } from "../rows/project_row.ts";
import type { Row } from "../rows/row.ts";
import { scopeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Queries } from "./pool.ts";
import { storedJson, storedText } from "./stored_text.ts";
import { type Columns, updateRow } from "./versioned_row.ts";

/** The columns of a project, by name: a newer version of the program may add others. */
export const PROJECT_COLUMNS = "seq, id, name, active, rules, created_at, updated_at, version";

/** Finds a project by its id. */
export async function findProject(queries: Queries, id: string): Promise<Project | undefined> {
  const rows = await queries.all(`SELECT ${PROJECT_COLUMNS} FROM projects WHERE id = $1`, [
    storedText(id),
  ]);
  return projectsOf(rows, await keysOf(queries, rows))[0];
}

/** Lists projects, newest first. */
export async function listProjects(
  queries: Queries,
  page: Page & ProjectFilter,
): Promise<Listed<Project>> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ...scopeConditions(page.within, { project: "id" }, DIALECT),
    ["seq >= ? AND active", page.activeOnly ? 0 : undefined],
  ]);
  const rows = await queries.all(
    `SELECT ${PROJECT_COLUMNS} FROM projects ${text} ORDER BY seq DESC LIMIT $${values.length + 1}`,
    [...values, page.limit + 1],
  );
  const projects = projectsOf(rows, await keysOf(queries, rows));
  const byId = new Map(projects.map((project) => [project.id, project]));
  // Each row has its project.
  return pageOf(rows, page, (row) => byId.get(String(row["id"])) as Project);
}

function keysOf(queries: Queries, projects: readonly Row[]): Promise<Row[]> {
  if (projects.length === 0) return Promise.resolve([]);
  return queries.all("SELECT * FROM project_keys WHERE project_id = ANY($1) ORDER BY endpoint", [
    projects.map((row) => row["id"]),
  ]);
}

/** Adds a project with its keys. Throws a `StoreError` of the kind `taken` if its name is in use. */
export async function insertProject(queries: Queries, project: Project): Promise<void> {
  const { id, name, active, rules, keys, createdAt, updatedAt, version } = project;
  await queries.run(
    `INSERT INTO projects (id, name, active, rules, created_at, updated_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [id, storedText(name), active, storedJson(rules), createdAt, updatedAt, version],
  );
  await insertKeys(queries, id, keys);
}

async function insertKeys(queries: Queries, projectId: string, keys: readonly ProjectKey[]): Promise<void> {
  for (const { endpoint, sealed, suffix } of keys) {
    await queries.run(
      "INSERT INTO project_keys (project_id, endpoint, sealed, suffix) VALUES ($1, $2, $3, $4)",
      [
        projectId,
        endpoint,
        sealed,
        storedText(suffix),
      ],
    );
  }
}

/** Changes a project. Resolves with `false` if it has another version by now. */
export async function updateProject(
  queries: Queries,
  of: { id: string; version: number; at: number },
  { keys, ...change }: ProjectChange,
): Promise<boolean> {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", storedText(change.name)]);
  if (change.active !== undefined) columns.push(["active", change.active]);
  if (change.rules !== undefined) columns.push(["rules", storedJson(change.rules)]);
  if (!await updateRow(queries, { table: "projects", of, columns })) return false;
  if (keys !== undefined) {
    await queries.run("DELETE FROM project_keys WHERE project_id = $1", [of.id]);
    await insertKeys(queries, of.id, keys);
  }
  return true;
}

/** Deletes a project with its keys and tokens, if all its tokens are revoked. */
export async function deleteProject(
  queries: Queries,
  { id, version }: { id: string; version: number },
): Promise<"deleted" | "has tokens" | "changed"> {
  const used = "SELECT 1 AS one FROM tokens WHERE project_id = $1 AND revoked_at IS NULL LIMIT 1";
  if (await queries.get(used, [id]) !== undefined) return "has tokens";
  const current = await queries.get("SELECT 1 AS one FROM projects WHERE id = $1 AND version = $2", [
    id,
    version,
  ]);
  if (current === undefined) return "changed";
  await lockTokens(queries, id);
  await queries.run("DELETE FROM tokens WHERE project_id = $1", [id]);
  await queries.run("DELETE FROM projects WHERE id = $1", [id]);
  return "deleted";
}

/**
 * Locks the tokens of a project in the order of their ids, which all transactions keep, so that none waits
 * for another in a circle.
 */
export async function lockTokens(queries: Queries, projectId: string): Promise<void> {
  await queries.run("SELECT 1 FROM tokens WHERE project_id = $1 ORDER BY id FOR UPDATE", [projectId]);
}
