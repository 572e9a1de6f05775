/** Sessions and management tokens, as work for any database. */

import { TOKEN_ROLES } from "../../people/role.ts";
import type { Person } from "../../people/person.ts";
import type { NewAuditEntry } from "../audit_store.ts";
import type { Listed, Page } from "../page.ts";
import type { ManagementToken, ManagementTokenOf, Session, SessionOf } from "../people_store.ts";
import { pageOf } from "../rows/pages.ts";
import type { Row } from "../rows/row.ts";
import { bytes, flag, number, optional, text } from "../rows/row_values.ts";
import { findPerson } from "./people_work.ts";
import { all, audit as auditEntry, first, lock, type Work, write } from "./work.ts";

/** The most sessions of a person. */
const MAX_SESSIONS = 100;
const SESSION_COLUMNS =
  "seq, id, hash, person_id, credential, way, created_at, used_at, proven_at, address, browser";
const TOKEN_COLUMNS =
  "seq, id, name, hash, suffix, role, projects, person_id, expires_at, last_used_at, made_by, " +
  "created_at, revoked_at, maker_id, " +
  // The token of a directory stays valid after the administrator who made it has left.
  "(role <> 'scim' AND EXISTS (SELECT 1 FROM directory_users " +
  "WHERE directory_users.person_id = maker_id AND NOT active)) AS maker_has_left";

/** Adds a session, and ends those of its person beyond the most. */
export function* addSession(session: Session, checked?: { readonly version: number }): Work<boolean> {
  if (session.personId !== undefined && checked !== undefined) {
    // The row stays locked until the session exists, so a change at the same moment ends the session.
    const isSame = yield* write(
      "UPDATE people SET version = version WHERE id = $1 AND version = $2 AND NOT disabled",
      session.personId,
      checked.version,
    );
    if (isSame === 0) return false;
  }
  yield* write(
    `INSERT INTO sessions (id, hash, person_id, credential, way, created_at, used_at, proven_at, address, browser)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    session.id,
    session.hash,
    session.personId ?? null,
    session.credential,
    session.way,
    session.createdAt,
    session.usedAt,
    session.provenAt,
    session.address,
    session.browser,
  );
  yield* write(
    `UPDATE sessions SET ended_at = $1 WHERE seq IN (
       SELECT seq FROM sessions WHERE coalesce(person_id, '') = $2 AND ended_at IS NULL AND id <> $3
       ORDER BY used_at DESC, seq DESC LIMIT 1000000 OFFSET ${MAX_SESSIONS - 1})`,
    session.createdAt,
    session.personId ?? "",
    session.id,
  );
  return true;
}

/**
 * Whether a session has not ended. What ends the sessions of its person waits for the end of the transaction.
 */
export function* holdSession(id: string): Work<boolean> {
  yield* lock(
    "SELECT 1 AS one FROM people WHERE id = (SELECT person_id FROM sessions WHERE id = $1) FOR UPDATE",
    id,
  );
  const sql = "SELECT 1 AS one FROM sessions WHERE id = $1 AND ended_at IS NULL";
  return (yield* first(sql, id)) !== undefined;
}

/** Finds a session that has not ended, with its person. */
export function* findSession(hash: Uint8Array): Work<SessionOf | undefined> {
  const sql = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE hash = $1 AND ended_at IS NULL`;
  const row = yield* first(sql, hash);
  return row && (yield* sessionWithPerson(sessionOf(row)));
}

/** Lists sessions that have not ended and were used since a time, newest first. */
export function* listSessions(
  page: Page & { personId: string | undefined; usedSince: number },
): Work<Listed<SessionOf>> {
  const rows = yield* all(
    `SELECT ${SESSION_COLUMNS} FROM sessions WHERE seq < $1 AND ended_at IS NULL AND used_at >= $2
       AND ($3 = '' OR person_id = $3) ORDER BY seq DESC LIMIT $4`,
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.usedSince,
    page.personId ?? "",
    page.limit + 1,
  );
  const { items, next } = pageOf(rows, page, sessionOf);
  const listed: SessionOf[] = [];
  for (const session of items) listed.push(yield* sessionWithPerson(session));
  return { items: listed, next };
}

/** Records activity of a session. */
export function* touchSession(
  id: string,
  { usedAt, address, browser }: Pick<Session, "usedAt" | "address" | "browser">,
): Work<void> {
  yield* write(
    "UPDATE sessions SET used_at = $2, address = $3, browser = $4 WHERE id = $1 AND used_at < $2",
    id,
    usedAt,
    address,
    browser,
  );
}

/** Records that the person of a session has proved who they are. */
export function* proveSession(id: string, at: number): Work<void> {
  yield* write("UPDATE sessions SET proven_at = $2, used_at = $2 WHERE id = $1", id, at);
}

/** Ends a session. With `personId`, only one of this person. */
export function* endSession(
  id: string,
  { at, personId }: { at: number; personId?: string | undefined },
  audit?: NewAuditEntry,
): Work<boolean> {
  const ended = yield* write(
    `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND ($3 = '' OR person_id = $3)`,
    id,
    at,
    personId ?? "",
  );
  if (ended === 0) return false;
  if (audit !== undefined) yield* auditEntry(audit);
  return true;
}

/** Adds a management token. */
export function* addManagementToken(token: ManagementToken, audit: NewAuditEntry): Work<void> {
  yield* write(
    `INSERT INTO management_tokens (id, name, hash, suffix, role, projects, person_id, expires_at, last_used_at,
       made_by, created_at, revoked_at, maker_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    token.id,
    token.name,
    token.hash,
    token.suffix,
    token.role,
    JSON.stringify(token.projects),
    token.personId ?? null,
    token.expiresAt ?? null,
    token.lastUsedAt ?? null,
    token.madeBy,
    token.createdAt,
    token.revokedAt ?? null,
    token.makerId ?? null,
  );
  yield* auditEntry(audit);
}

/** Finds a management token by the hash of its value, or by its id. */
export function* findManagementToken(
  by: { readonly hash: Uint8Array } | { readonly id: string },
): Work<ManagementTokenOf | undefined> {
  const row = "hash" in by
    ? yield* first(`SELECT ${TOKEN_COLUMNS} FROM management_tokens WHERE hash = $1`, by.hash)
    : yield* first(`SELECT ${TOKEN_COLUMNS} FROM management_tokens WHERE id = $1`, by.id);
  return row && (yield* tokenWithPerson(managementTokenOf(row)));
}

/** Lists management tokens, newest first: those of a person, or all. */
export function* listManagementTokens(
  page: Page & { personId: string | undefined },
): Work<Listed<ManagementTokenOf>> {
  const rows = yield* all(
    `SELECT ${TOKEN_COLUMNS} FROM management_tokens WHERE seq < $1 AND ($2 = '' OR person_id = $2)
     ORDER BY seq DESC LIMIT $3`,
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.personId ?? "",
    page.limit + 1,
  );
  const { items, next } = pageOf(rows, page, managementTokenOf);
  const listed: ManagementTokenOf[] = [];
  for (const token of items) listed.push(yield* tokenWithPerson(token));
  return { items: listed, next };
}

/** Revokes a management token. */
export function* revokeManagementToken(id: string, audit: NewAuditEntry): Work<boolean> {
  const revoked = yield* write(
    "UPDATE management_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
    id,
    audit.at,
  );
  if (revoked === 0) return false;
  yield* auditEntry(audit);
  return true;
}

/** Revokes the management tokens that a person has made, except those of directories. */
export function* revokeTokensMadeBy(personId: string, at: number): Work<void> {
  yield* write(
    `UPDATE management_tokens SET revoked_at = $2
     WHERE maker_id = $1 AND revoked_at IS NULL AND role <> 'scim'`,
    personId,
    at,
  );
}

/** Records a use of a management token. */
export function* touchManagementToken(id: string, at: number): Work<void> {
  yield* write("UPDATE management_tokens SET last_used_at = $2 WHERE id = $1", id, at);
}

/** Deletes old sessions, invitations, used challenges, and logins of commands with their tokens. */
export function* pruneAccounts({ now, usedBefore }: { now: number; usedBefore: number }): Work<void> {
  yield* write("DELETE FROM sessions WHERE used_at < $1", usedBefore);
  yield* write("DELETE FROM invitations WHERE expires_at < $1", now);
  yield* write("DELETE FROM device_logins WHERE expires_at < $1", now);
  yield* write("DELETE FROM used_challenges WHERE expires_at < $1", now);
  // Each login of a command adds one. Those of programs stay, as the administrator made them.
  yield* write(
    "DELETE FROM management_tokens WHERE person_id IS NOT NULL AND (expires_at < $1 OR revoked_at < $1)",
    usedBefore,
  );
}

/**
 * Deletes all sessions, invitations and logins of commands: in a restored backup they would work again,
 * though they were ended or used after it was made.
 */
export function* endAllSessions(): Work<void> {
  yield* write("DELETE FROM sessions");
  yield* write("DELETE FROM invitations");
  yield* write("DELETE FROM device_logins");
  yield* write("DELETE FROM management_tokens WHERE person_id IS NOT NULL");
}

function* sessionWithPerson(session: Session): Work<SessionOf> {
  return { session, person: yield* personOf(session) };
}

/** Finds the person of a management token. */
export function* tokenWithPerson(token: ManagementToken): Work<ManagementTokenOf> {
  return { token, person: yield* personOf(token) };
}

function* personOf({ personId }: { readonly personId: string | undefined }): Work<Person | undefined> {
  return personId === undefined ? undefined : yield* findPerson(personId);
}

function sessionOf(row: Row): Session {
  return {
    id: text(row, "id"),
    hash: bytes(row, "hash"),
    personId: row["person_id"] === null ? undefined : text(row, "person_id"),
    credential: text(row, "credential"),
    way: text(row, "way"),
    createdAt: number(row, "created_at"),
    usedAt: number(row, "used_at"),
    provenAt: number(row, "proven_at"),
    address: text(row, "address"),
    browser: text(row, "browser"),
  };
}

function managementTokenOf(row: Row): ManagementToken {
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    hash: bytes(row, "hash"),
    suffix: text(row, "suffix"),
    // Another value can only come from another program. It must not give more than the least role.
    role: TOKEN_ROLES.find((role) => role === row["role"]) ?? "viewer",
    // Only `JSON.stringify` of projects writes this column.
    projects: JSON.parse(text(row, "projects")) as ManagementToken["projects"],
    personId: row["person_id"] === null ? undefined : text(row, "person_id"),
    expiresAt: optional(row, "expires_at"),
    lastUsedAt: optional(row, "last_used_at"),
    madeBy: text(row, "made_by"),
    makerId: row["maker_id"] === null ? undefined : text(row, "maker_id"),
    makerHasLeft: flag(row, "maker_has_left"),
    createdAt: number(row, "created_at"),
    revokedAt: optional(row, "revoked_at"),
  };
}
