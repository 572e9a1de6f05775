/** Tokens in PostgreSQL. */

import type { Token, TokenChange, TokenFilter } from "../access_store.ts";
import type { Listed, Page } from "../page.ts";
import { pageOf } from "../rows/pages.ts";
import { number } from "../rows/row_values.ts";
import { tokenOf } from "../rows/token_row.ts";
import { StoreError } from "../store.ts";
import { scopeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Queries } from "./pool.ts";
import { lockTokens } from "./project_tables.ts";
import { storedJson, storedText } from "./stored_text.ts";
import { noteOwner, ownerMayUse, settleTokens } from "../people/people_work.ts";
import { runWork } from "./run_work.ts";
import { type Columns, updateRow } from "./versioned_row.ts";

/** The columns of a token, by name: a newer version of the program may add others. */
export const TOKEN_COLUMNS =
  `seq, id, project_id, owner_id, name, hash, suffix, previous_hash, previous_expires_at, active,
  revoked_at, expires_at, rules, request_count, last_used_at, created_at, updated_at, version`;

/** Finds a token by its id. */
export async function findToken(queries: Queries, id: string): Promise<Token | undefined> {
  const row = await queries.get(`SELECT ${TOKEN_COLUMNS} FROM tokens WHERE id = $1`, [storedText(id)]);
  return row && tokenOf(row);
}

/** Lists tokens, newest first. */
export async function listTokens(
  queries: Queries,
  page: Page & TokenFilter,
): Promise<Listed<Token>> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ["project_id = ?", page.projectId],
    ["owner_id = ?", page.ownerId],
    ["active AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", page.activeAt],
    ...scopeConditions(page.within, { project: "project_id", owner: "owner_id = ?" }, DIALECT),
  ]);
  const rows = await queries.all(
    `SELECT ${TOKEN_COLUMNS} FROM tokens ${text} ORDER BY seq DESC LIMIT $${values.length + 1}`,
    [...values, page.limit + 1],
  );
  return pageOf(rows, page, tokenOf);
}

/**
 * Adds a token. Throws a {@link StoreError} of the kind `taken` if its name is in use: see {@link checkName}.
 */
export async function insertToken(queries: Queries, token: Token, at: number): Promise<void> {
  await queries.run(
    `INSERT INTO tokens (id, project_id, name, hash, suffix, previous_hash, previous_expires_at, active, revoked_at,
       expires_at, rules, request_count, last_used_at, created_at, updated_at, version, owner_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      token.id,
      token.projectId,
      storedText(token.name),
      token.hash,
      storedText(token.suffix),
      token.previous?.hash ?? null,
      token.previous?.expiresAt ?? null,
      token.active,
      token.revokedAt ?? null,
      token.expiresAt ?? null,
      storedJson(token.rules),
      token.requestCount,
      token.lastUsedAt ?? null,
      token.createdAt,
      token.updatedAt,
      token.version,
      token.ownerId ?? null,
    ],
  );
  await checkName(queries, token.id, at);
  const { ownerId } = token;
  if (ownerId === undefined) return;
  await runWork(queries, noteOwner(token.id, ownerId));
  await runWork(queries, settleTokens(ownerId, at));
}

/**
 * Throws if another token of the project has the same name, and both are neither revoked nor expired. No
 * transaction can add one at the same time: see `audited`.
 */
async function checkName(queries: Queries, id: string, at: number): Promise<void> {
  const used = (table: string) =>
    `${table}.revoked_at IS NULL AND (${table}.expires_at IS NULL OR ${table}.expires_at > $2)`;
  const other = await queries.get(
    `SELECT 1 AS one FROM tokens AS this JOIN tokens AS other
       ON other.project_id = this.project_id AND other.name = this.name AND other.id <> this.id
     WHERE this.id = $1 AND ${used("this")} AND ${used("other")} LIMIT 1`,
    [id, at],
  );
  if (other !== undefined) throw new StoreError("taken", "the name is in use");
}

/** Whether a token of the project has a name, and is not revoked. */
export async function isTokenNameUsed(queries: Queries, projectId: string, name: string): Promise<boolean> {
  const sql =
    "SELECT 1 AS one FROM tokens WHERE project_id = $1 AND name = $2 AND revoked_at IS NULL LIMIT 1";
  return await queries.get(sql, [storedText(projectId), storedText(name)]) !== undefined;
}

/**
 * Changes a token. Resolves with `false` if it has another version by now. Throws if its name is in use: see
 * {@link checkName}.
 */
export async function updateToken(
  queries: Queries,
  of: { id: string; version: number; at: number },
  change: TokenChange,
): Promise<boolean> {
  const columns: Columns = [];
  if (change.name !== undefined) columns.push(["name", storedText(change.name)]);
  if (change.active !== undefined) columns.push(["active", change.active], ["owner_left", false]);
  if ("revokedAt" in change) columns.push(["revoked_at", change.revokedAt ?? null]);
  if ("expiresAt" in change) columns.push(["expires_at", change.expiresAt ?? null]);
  if (change.rules !== undefined) columns.push(["rules", storedJson(change.rules)]);
  if (change.hash !== undefined) columns.push(["hash", change.hash]);
  if (change.suffix !== undefined) columns.push(["suffix", storedText(change.suffix)]);
  if ("previous" in change) {
    columns.push(
      ["previous_hash", change.previous?.hash ?? null],
      ["previous_expires_at", change.previous?.expiresAt ?? null],
    );
  }
  if (change.active === true && !await runWork(queries, ownerMayUse(of.id))) return false;
  if (!await updateRow(queries, { table: "tokens", of, columns })) return false;
  if (change.name !== undefined || "expiresAt" in change) await checkName(queries, of.id, of.at);
  return true;
}

/** Deletes a token. Resolves with `false` if it has another version by now. */
export async function deleteToken(
  queries: Queries,
  { id, version }: { id: string; version: number },
): Promise<boolean> {
  return await queries.run("DELETE FROM tokens WHERE id = $1 AND version = $2", [id, version]) === 1;
}

/** Revokes all tokens of a project. Gives the number of its tokens, and how many were revoked before. */
export async function revokeTokens(
  queries: Queries,
  projectId: string,
  at: number,
): Promise<{ total: number; before: number }> {
  await lockTokens(queries, projectId);
  const counts = await queries.get(
    "SELECT count(*) AS total, count(revoked_at) AS before FROM tokens WHERE project_id = $1",
    [projectId],
  );
  await queries.run(
    `UPDATE tokens SET revoked_at = $2, updated_at = $2, version = version + 1
     WHERE project_id = $1 AND revoked_at IS NULL`,
    [projectId, at],
  );
  return { total: number(counts ?? {}, "total"), before: number(counts ?? {}, "before") };
}
