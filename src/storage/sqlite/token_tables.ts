/** Tokens in SQLite. */

import type { Token, TokenChange, TokenFilter } from "../access_store.ts";
import type { Listed, Page } from "../page.ts";
import { StoreError } from "../store.ts";
import { scopeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Connection } from "./connection.ts";
import { pageOf } from "../rows/pages.ts";
import { number } from "../rows/row_values.ts";
import { tokenOf } from "../rows/token_row.ts";
import { noteOwner, ownerMayUse, settleTokens } from "../people/people_work.ts";
import { runWork } from "./run_work.ts";
import { type Columns, updateRow } from "./versioned_row.ts";

/** Finds a token by its id. */
export function findToken(database: Connection, id: string): Token | undefined {
  const row = database.get("SELECT * FROM tokens WHERE id = ?", id);
  return row && tokenOf(row);
}

/** Lists tokens, newest first. */
export function listTokens(
  database: Connection,
  page: Page & TokenFilter,
): Listed<Token> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ["project_id = ?", page.projectId],
    ["owner_id = ?", page.ownerId],
    ["active = 1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", page.activeAt],
    ...scopeConditions(page.within, { project: "project_id", owner: "owner_id = ?" }, DIALECT),
  ]);
  const rows = database.all(
    `SELECT * FROM tokens ${text} ORDER BY seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return pageOf(rows, page, tokenOf);
}

/**
 * Adds a token. Throws a {@link StoreError} of the kind `taken` if its name is in use: see {@link checkName}.
 */
export function insertToken(database: Connection, token: Token, at: number): void {
  database.run(
    `INSERT INTO tokens (id, project_id, name, hash, suffix, previous_hash, previous_expires_at, active, revoked_at,
       expires_at, rules, request_count, last_used_at, created_at, updated_at, version, owner_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    token.ownerId ?? null,
  );
  checkName(database, token.id, at);
  const { ownerId } = token;
  if (ownerId === undefined) return;
  runWork(database, noteOwner(token.id, ownerId));
  runWork(database, settleTokens(ownerId, at));
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

/**
 * Changes a token. Returns `false` if it has another version by now. Throws if its name is in use: see {@link
 * checkName}.
 */
export function updateToken(
  database: Connection,
  of: { id: string; version: number; at: number },
  change: TokenChange,
): boolean {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", change.name]);
  if (change.active !== undefined) columns.push(["active", change.active ? 1 : 0], ["owner_left", 0]);
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
  if (change.active === true && !runWork(database, ownerMayUse(of.id))) return false;
  if (!updateRow(database, { table: "tokens", of, columns })) return false;
  if (change.name !== undefined || "expiresAt" in change) checkName(database, of.id, of.at);
  return true;
}

/** Deletes a token. Returns `false` if it has another version by now. */
export function deleteToken(database: Connection, { id, version }: { id: string; version: number }): boolean {
  return database.run("DELETE FROM tokens WHERE id = ? AND version = ?", id, version).changes === 1;
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
