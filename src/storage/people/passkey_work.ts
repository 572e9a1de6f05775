/** Passkeys, as work for any database. */

import type { Passkey } from "../../people/passkeys/passkey.ts";
import type { NewAuditEntry } from "../audit_store.ts";
import type { Listed, Page } from "../page.ts";
import {
  type AddedPasskey,
  type ListedPasskey,
  MAX_PASSKEYS,
  type PasskeyAddition,
  type RemovedPasskey,
  type TouchedPasskey,
  type UsedChallenge,
} from "../passkey_store.ts";
import { pageOf } from "../rows/pages.ts";
import type { Row } from "../rows/row.ts";
import { bytes, flag, number, optional, text } from "../rows/row_values.ts";
import { holdSession } from "./account_work.ts";
import { all, audit as auditEntry, first, lock, type Work, write } from "./work.ts";

const COLUMNS = "seq, id, person_id, credential_id, public_key, counter, transports, rp_id, name, synced, " +
  "created_at, last_used_at, blocked_at";

/** Adds a passkey, if its session lasts, its challenge is new and the person has few enough. */
export function* addPasskey(
  passkey: Passkey,
  { sessionId, ...challenge }: PasskeyAddition,
  audit: NewAuditEntry,
): Work<AddedPasskey> {
  if (sessionId !== undefined && !(yield* holdSession(sessionId))) return "ended";
  if (!(yield* useChallenge(challenge))) return "replayed";
  if ((yield* findPasskey({ credentialId: passkey.credentialId })) !== undefined) return "taken";
  const sql = "SELECT count(*) AS count FROM passkeys WHERE person_id = $1";
  const row = yield* first(sql, passkey.personId);
  if (row !== undefined && number(row, "count") >= MAX_PASSKEYS) return "too many";
  // Two programs may add the same passkey at the same moment.
  const added = yield* write(
    `INSERT INTO passkeys (id, person_id, credential_id, public_key, counter, transports, rp_id, name, synced,
       created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
    passkey.id,
    passkey.personId,
    passkey.credentialId,
    passkey.publicKey,
    passkey.counter,
    JSON.stringify(passkey.transports),
    passkey.rpId,
    passkey.name,
    passkey.isSynced,
    passkey.createdAt,
  );
  if (added === 0) return "taken";
  yield* auditEntry(audit);
  return "done";
}

/** Finds a passkey by its id, or by that of the authenticator. */
export function* findPasskey(
  by: { readonly id: string } | { readonly credentialId: string },
): Work<Passkey | undefined> {
  const row = "id" in by
    ? yield* first(`SELECT ${COLUMNS} FROM passkeys WHERE id = $1`, by.id)
    : yield* first(`SELECT ${COLUMNS} FROM passkeys WHERE credential_id = $1`, by.credentialId);
  return row && passkeyOf(row);
}

/** Lists passkeys, newest first. */
export function* listPasskeys(page: Page & { personId: string | undefined }): Work<Listed<ListedPasskey>> {
  const rows = yield* all(
    `SELECT ${COLUMNS}, (SELECT people.name FROM people WHERE people.id = person_id) AS person_name
     FROM passkeys WHERE seq < $1 AND ($2 = '' OR person_id = $2) ORDER BY seq DESC LIMIT $3`,
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.personId ?? "",
    page.limit + 1,
  );
  return pageOf(rows, page, (row) => ({ ...passkeyOf(row), personName: text(row, "person_name") }));
}

/** Records a sign-in, or blocks the passkey if its counter went back. */
export function* touchPasskey(
  id: string,
  { at, counter, isSynced, challenge }: {
    at: number;
    counter: number;
    isSynced: boolean;
    challenge: UsedChallenge;
  },
  audit: NewAuditEntry,
): Work<TouchedPasskey> {
  // Other transactions lock a person before the passkeys too, so none waits for another in a circle.
  yield* lock(
    "SELECT 1 AS one FROM people WHERE id = (SELECT person_id FROM passkeys WHERE id = $1) FOR UPDATE",
    id,
  );
  if (!(yield* useChallenge(challenge))) return "replayed";
  // An authenticator that does not count says 0 each time. Of two sign-ins at the same moment, one is first.
  const touched = yield* write(
    `UPDATE passkeys SET counter = $2, synced = $3, last_used_at = $4
     WHERE id = $1 AND blocked_at IS NULL AND (counter < $2 OR (counter = 0 AND $2 = 0))`,
    id,
    counter,
    isSynced,
    at,
  );
  if (touched === 1) return "done";
  const blocked = yield* write(
    "UPDATE passkeys SET blocked_at = $2 WHERE id = $1 AND blocked_at IS NULL",
    id,
    at,
  );
  if (blocked === 1) {
    yield* endAccessOfPasskey(id, at);
    yield* auditEntry(audit);
  }
  return "blocked";
}

/** Renames a passkey of one person, or of any. */
export function* renamePasskey(
  id: string,
  { name, personId }: { name: string; personId: string | undefined },
  audit: NewAuditEntry,
): Work<boolean> {
  const renamed = yield* write(
    "UPDATE passkeys SET name = $2 WHERE id = $1 AND ($3 = '' OR person_id = $3)",
    id,
    name,
    personId ?? "",
  );
  if (renamed === 0) return false;
  yield* auditEntry(audit);
  return true;
}

/** Removes a passkey, unless its person has no other way to sign in. */
export function* removePasskey(
  id: string,
  { personId }: { personId: string | undefined },
  audit: NewAuditEntry,
): Work<RemovedPasskey> {
  const passkey = yield* findPasskey({ id });
  if (passkey === undefined || personId !== undefined && passkey.personId !== personId) return "unknown";
  const others = yield* first(
    "SELECT 1 AS one FROM passkeys WHERE person_id = $1 AND id <> $2 AND blocked_at IS NULL LIMIT 1",
    passkey.personId,
    id,
  );
  const person = yield* first(
    "SELECT login, provider, passphrase FROM people WHERE id = $1",
    passkey.personId,
  );
  const hasAnotherWay = others !== undefined || typeof person?.["passphrase"] === "string" ||
    typeof person?.["provider"] === "string";
  // A blocked passkey is not a way in.
  if (passkey.blockedAt === undefined && !hasAnotherWay) return "last way in";
  yield* endAccessOfPasskey(id, audit.at);
  yield* write("DELETE FROM passkeys WHERE id = $1", id);
  // Later, no row says whose passkey it was.
  yield* auditEntry({ ...audit, changes: { name: passkey.name, person: String(person?.["login"]) } });
  return "done";
}

/** Notes that a challenge was used. Returns `false` if it was used before. */
function* useChallenge({ challenge, expiresAt }: UsedChallenge): Work<boolean> {
  const used = yield* write(
    "INSERT INTO used_challenges (challenge, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    challenge,
    expiresAt,
  );
  return used === 1;
}

/**
 * Ends the sessions that a passkey began, and the logins of commands that the person confirmed by passkeys:
 * they do not say by which one. The new version of the person keeps a session from beginning whose passkey
 * was checked a moment ago, and a login that was confirmed from making its token.
 */
function* endAccessOfPasskey(id: string, at: number): Work<void> {
  yield* write(
    "UPDATE people SET version = version + 1 WHERE id = (SELECT person_id FROM passkeys WHERE id = $1)",
    id,
  );
  yield* write("UPDATE sessions SET ended_at = $2 WHERE credential = $1 AND ended_at IS NULL", id, at);
  yield* write(
    `UPDATE management_tokens SET revoked_at = $2 WHERE revoked_at IS NULL AND made_by LIKE '% (passkey)'
       AND person_id = (SELECT person_id FROM passkeys WHERE id = $1)`,
    id,
    at,
  );
}

function passkeyOf(row: Row): Passkey {
  return {
    id: text(row, "id"),
    personId: text(row, "person_id"),
    credentialId: text(row, "credential_id"),
    publicKey: bytes(row, "public_key"),
    counter: number(row, "counter"),
    // Only `JSON.stringify` of transports writes this column.
    transports: JSON.parse(text(row, "transports")) as Passkey["transports"],
    rpId: text(row, "rp_id"),
    name: text(row, "name"),
    isSynced: flag(row, "synced"),
    createdAt: number(row, "created_at"),
    lastUsedAt: optional(row, "last_used_at"),
    blockedAt: optional(row, "blocked_at"),
  };
}
