/** Projects and tokens in SQLite. */

import type { SQLInputValue } from "node:sqlite";
import type { Rules } from "../../principal.ts";
import {
  type Listed,
  type Page,
  type Project,
  type ProjectChange,
  type ProjectKey,
  StoreError,
  type Token,
  type TokenChange,
} from "../store.ts";
import { conditionsOf } from "./conditions.ts";
import type { Connection, Row } from "./connection.ts";

// The tables are STRICT, so a column holds a value of its type.
function text(row: Row, column: string): string {
  return String(row[column]);
}
function number(row: Row, column: string): number {
  return Number(row[column]);
}
function optional(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : Number(row[column]);
}
function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`${column} is not a BLOB`);
  return value;
}

/** Makes a project of its row and its keys. */
export function projectOf(row: Row, keys: readonly ProjectKey[]): Project {
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    active: row["active"] === 1,
    rules: rulesOf(row),
    keys,
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}

/** Makes a token of its row. */
export function tokenOf(row: Row): Token {
  return {
    id: text(row, "id"),
    projectId: text(row, "project_id"),
    name: text(row, "name"),
    hash: bytes(row, "hash"),
    suffix: text(row, "suffix"),
    previous: row["previous_hash"] === null
      ? undefined
      : { hash: bytes(row, "previous_hash"), expiresAt: number(row, "previous_expires_at") },
    active: row["active"] === 1,
    revokedAt: optional(row, "revoked_at"),
    expiresAt: optional(row, "expires_at"),
    rules: rulesOf(row),
    requestCount: number(row, "request_count"),
    lastUsedAt: optional(row, "last_used_at"),
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}

function rulesOf(row: Row): Rules {
  // Only `JSON.stringify` of Rules writes this column.
  return JSON.parse(text(row, "rules")) as Rules;
}

/** Makes a provider key of its row. */
export function keyOf(row: Row): ProjectKey {
  return { endpoint: text(row, "endpoint"), sealed: bytes(row, "sealed"), suffix: text(row, "suffix") };
}

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

/** Finds a token by its id. */
export function findToken(database: Connection, id: string): Token | undefined {
  const row = database.get("SELECT * FROM tokens WHERE id = ?", id);
  return row && tokenOf(row);
}

/** Lists projects, newest first. */
export function listProjects(database: Connection, page: Page & { activeOnly: boolean }): Listed<Project> {
  const rows = database.all(
    "SELECT * FROM projects WHERE seq < ? AND (active = 1 OR ?) ORDER BY seq DESC LIMIT ?",
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.activeOnly ? 0 : 1,
    page.limit + 1,
  );
  return pageOf(rows, page, (row) => projectOf(row, keysOf(database, text(row, "id"))));
}

/** Lists tokens, newest first. */
export function listTokens(
  database: Connection,
  page: Page & { projectId: string | undefined; activeAt: number | undefined },
): Listed<Token> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ["project_id = ?", page.projectId],
    ["active = 1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", page.activeAt],
  ]);
  const rows = database.all(
    `SELECT * FROM tokens ${text} ORDER BY seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return pageOf(rows, page, tokenOf);
}

/** Makes a page of rows. The rows are one more than the page, if another page follows. */
export function pageOf<Item>(
  rows: readonly Row[],
  { limit }: Page,
  itemOf: (row: Row) => Item,
): Listed<Item> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(itemOf), next: rows.length > limit && last ? number(last, "seq") : undefined };
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

/**
 * Adds a token. Throws a {@link StoreError} of the kind `taken` if its name is in use: see {@link checkName}.
 */
export function insertToken(database: Connection, token: Token, at: number): void {
  database.run(
    `INSERT INTO tokens (id, project_id, name, hash, suffix, previous_hash, previous_expires_at, active, revoked_at,
       expires_at, rules, request_count, last_used_at, created_at, updated_at, version)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    token.id,
    token.projectId,
    token.name,
    token.hash,
    token.suffix,
    token.previous?.hash ?? null,
    token.previous?.expiresAt ?? null,
    token.active ? 1 : 0,
    token.revokedAt ?? null,
    token.expiresAt ?? null,
    JSON.stringify(token.rules),
    token.requestCount,
    token.lastUsedAt ?? null,
    token.createdAt,
    token.updatedAt,
    token.version,
  );
  checkName(database, token.id, at);
}

/** Throws if another token of the project has the same name, and both are neither revoked nor expired. */
function checkName(database: Connection, id: string, at: number): void {
  const used = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";
  const other = database.get(
    `SELECT 1 FROM tokens AS this JOIN tokens AS other
       ON other.project_id = this.project_id AND other.name = this.name AND other.id <> this.id
     WHERE this.id = ? AND ${used.replaceAll(/revoked_at|expires_at/g, "this.$&")}
       AND ${used.replaceAll(/revoked_at|expires_at/g, "other.$&")}`,
    id,
    at,
    at,
  );
  if (other !== undefined) throw new StoreError("taken", "the name is in use");
}

/** Whether a token of the project has a name, and is not revoked. */
export function isTokenNameUsed(database: Connection, projectId: string, name: string): boolean {
  const sql = "SELECT 1 FROM tokens WHERE project_id = ? AND name = ? AND revoked_at IS NULL LIMIT 1";
  return database.get(sql, projectId, name) !== undefined;
}

/** Changes a project. False: it has another version by now. */
export function updateProject(
  database: Connection,
  of: { id: string; version: number; at: number },
  { keys, ...change }: ProjectChange,
): boolean {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", change.name]);
  if (change.active !== undefined) columns.push(["active", change.active ? 1 : 0]);
  if (change.rules !== undefined) columns.push(["rules", JSON.stringify(change.rules)]);
  if (!update(database, "projects", of, columns)) return false;
  if (keys !== undefined) {
    database.run("DELETE FROM project_keys WHERE project_id = ?", of.id);
    insertKeys(database, of.id, keys);
  }
  return true;
}

/**
 * Changes a token. False: it has another version by now. Throws if its name is in use: see {@link checkName}.
 */
export function updateToken(
  database: Connection,
  of: { id: string; version: number; at: number },
  change: TokenChange,
): boolean {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", change.name]);
  if (change.active !== undefined) columns.push(["active", change.active ? 1 : 0]);
  if ("revokedAt" in change) columns.push(["revoked_at", change.revokedAt ?? null]);
  if ("expiresAt" in change) columns.push(["expires_at", change.expiresAt ?? null]);
  if (change.rules !== undefined) columns.push(["rules", JSON.stringify(change.rules)]);
  if (change.hash !== undefined) columns.push(["hash", change.hash]);
  if (change.suffix !== undefined) columns.push(["suffix", change.suffix]);
  if ("previous" in change) {
    columns.push(
      ["previous_hash", change.previous?.hash ?? null],
      ["previous_expires_at", change.previous?.expiresAt ?? null],
    );
  }
  if (!update(database, "tokens", of, columns)) return false;
  if (change.name !== undefined || "expiresAt" in change) checkName(database, of.id, of.at);
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

/** Deletes a token. False: it has another version by now. */
export function deleteToken(database: Connection, { id, version }: { id: string; version: number }): boolean {
  return database.run("DELETE FROM tokens WHERE id = ? AND version = ?", id, version).changes === 1;
}

type Columns = (readonly [column: string, value: SQLInputValue])[];

function update(
  database: Connection,
  table: "projects" | "tokens",
  { id, version, at }: { id: string; version: number; at: number },
  columns: Columns,
): boolean {
  const all: Columns = [...columns, ["updated_at", at], ["version", version + 1]];
  const { changes } = database.run(
    `UPDATE ${table} SET ${all.map(([column]) => `${column} = ?`).join(", ")} WHERE id = ? AND version = ?`,
    ...all.map(([, value]) => value),
    id,
    version,
  );
  return changes === 1;
}

/** Revokes all tokens of a project. Gives the number of its tokens, and how many were revoked before. */
export function revokeTokens(
  database: Connection,
  projectId: string,
  at: number,
): { total: number; before: number } {
  const count = (condition: string): number =>
    number(
      database.get(`SELECT count(*) AS n FROM tokens WHERE project_id = ? ${condition}`, projectId) ?? {},
      "n",
    );
  const counts = { total: count(""), before: count("AND revoked_at IS NOT NULL") };
  database.run(
    `UPDATE tokens SET revoked_at = ?, updated_at = ?, version = version + 1
     WHERE project_id = ? AND revoked_at IS NULL`,
    at,
    at,
    projectId,
  );
  return counts;
}
