/** Logins of commands on other machines, as work for any database. */

import type { NewAuditEntry } from "../audit_store.ts";
import type {
  DeviceLogin,
  DeviceLoginDecision,
  DeviceLoginLimits,
  DeviceLoginPoll,
} from "../device_login_store.ts";
import type { ManagementTokenOf } from "../people_store.ts";
import type { Row } from "../rows/row.ts";
import { bytes, number, text } from "../rows/row_values.ts";
import { addManagementToken, holdSession, tokenWithPerson } from "./account_work.ts";
import { audit as auditEntry, first, type Work, write } from "./work.ts";

const COLUMNS = "id, device_hash, user_hash, machine, address, address_group, lifetime_ms, created_at, " +
  "expires_at, interval_ms, polled_at, state, person_id, person_version, decided_by";
/** How long an expired login stays, so that its command learns that it has expired. In milliseconds. */
const EXPIRED_KEPT_MS = 10 * 60_000;
/** How much the interval grows after a poll that came too early (RFC 8628, 3.5). In milliseconds. */
const SLOWER_MS = 5_000;
/** The interval from which on early polls are not written any more. In milliseconds. */
const SLOWEST_MS = 60_000;
/** How much too early a poll may come: timers and the clocks of replicas are not exact. In milliseconds. */
const EARLY_MS = 1_000;

/** Adds a login, unless its address or all together have too many. Deletes expired ones. */
export function* addDeviceLogin(login: DeviceLogin, limits: DeviceLoginLimits): Work<boolean> {
  const row = yield* first(
    `SELECT count(*) AS total, coalesce(sum(CASE WHEN address_group = $1 THEN 1 ELSE 0 END), 0) AS own
     FROM device_logins WHERE expires_at > $2`,
    login.addressGroup,
    login.createdAt,
  );
  if (row === undefined || Number(row["own"]) >= limits.ofAddressGroup) return false;
  if (Number(row["total"]) >= limits.ofAll) return false;
  yield* write("DELETE FROM device_logins WHERE expires_at < $1", login.createdAt - EXPIRED_KEPT_MS);
  yield* write(
    `INSERT INTO device_logins (id, device_hash, user_hash, machine, address, address_group, lifetime_ms,
       created_at, expires_at, interval_ms, polled_at, state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending')`,
    login.id,
    login.deviceHash,
    login.userHash,
    login.machine,
    login.address,
    login.addressGroup,
    login.lifetimeMs,
    login.createdAt,
    login.expiresAt,
    login.intervalMs,
    login.createdAt,
  );
  return true;
}

/** Finds a login that waits for a decision. */
export function* findDeviceLogin(
  by: { readonly userHash: Uint8Array } | { readonly id: string },
  at: number,
): Work<DeviceLogin | undefined> {
  const [column, value] = "id" in by ? ["id", by.id] : ["user_hash", by.userHash];
  const row = yield* first(
    `SELECT ${COLUMNS} FROM device_logins WHERE ${column} = $1 AND state = 'pending' AND expires_at > $2`,
    value,
    at,
  );
  return row && deviceLoginOf(row);
}

/** Confirms a login that waits, for a person who is not disabled. */
export function* confirmDeviceLogin(
  id: string,
  { at, personId, actor, sessionId }: DeviceLoginDecision,
  audit: NewAuditEntry,
): Work<boolean> {
  if (sessionId !== undefined && !(yield* holdSession(sessionId))) return false;
  const person = personId === undefined
    ? undefined
    : yield* first("SELECT version FROM people WHERE id = $1 AND NOT disabled", personId);
  if (personId !== undefined && person === undefined) return false;
  const confirmed = yield* write(
    `UPDATE device_logins SET state = 'confirmed', person_id = $3, person_version = $4, decided_by = $5
     WHERE id = $1 AND state = 'pending' AND expires_at > $2`,
    id,
    at,
    personId ?? null,
    person === undefined ? null : number(person, "version"),
    actor,
  );
  if (confirmed === 0) return false;
  yield* auditEntry(audit);
  return true;
}

/** Refuses a login that waits. */
export function* refuseDeviceLogin(id: string, at: number, audit: NewAuditEntry): Work<boolean> {
  const refused = yield* write(
    "UPDATE device_logins SET state = 'refused' WHERE id = $1 AND state = 'pending' AND expires_at > $2",
    id,
    at,
  );
  if (refused === 0) return false;
  yield* auditEntry(audit);
  return true;
}

/** Records a poll. One that comes too early makes the interval longer. */
export function* pollDeviceLogin(deviceHash: Uint8Array, at: number): Work<DeviceLoginPoll> {
  const row = yield* first(`SELECT ${COLUMNS} FROM device_logins WHERE device_hash = $1`, deviceHash);
  if (row === undefined) return "unknown";
  const state = text(row, "state");
  if (state === "refused") return "refused";
  if (number(row, "expires_at") <= at) return "expired";
  if (state === "confirmed") return "confirmed";
  const intervalMs = number(row, "interval_ms");
  const isEarly = at < number(row, "polled_at") + intervalMs - EARLY_MS;
  // A client without a token could otherwise make the database write as often as it polls.
  if (isEarly && intervalMs >= SLOWEST_MS) return "slow_down";
  yield* write(
    "UPDATE device_logins SET polled_at = $2, interval_ms = interval_ms + $3 WHERE device_hash = $1",
    deviceHash,
    at,
    isEarly ? SLOWER_MS : 0,
  );
  return isEarly ? "slow_down" : "pending";
}

/** Makes the token of a confirmed login. */
export function* useDeviceLogin(
  deviceHash: Uint8Array,
  { id, hash, suffix }: { readonly id: string; readonly hash: Uint8Array; readonly suffix: string },
  { at, source }: { readonly at: number; readonly source: string },
): Work<ManagementTokenOf | undefined> {
  const row = yield* first(
    `SELECT ${COLUMNS} FROM device_logins WHERE device_hash = $1 AND state = 'confirmed' AND expires_at > $2`,
    deviceHash,
    at,
  );
  if (row === undefined) return undefined;
  const personId = row["person_id"] === null ? undefined : text(row, "person_id");
  if (personId !== undefined) {
    // The row stays locked until the token exists, so a change at the same moment revokes the token.
    const isSame = yield* write(
      "UPDATE people SET version = version WHERE id = $1 AND version = $2 AND NOT disabled",
      personId,
      number(row, "person_version"),
    );
    if (isSame === 0) return undefined;
  }
  // Of two transactions at the same time, one deletes the row.
  const used = yield* write("DELETE FROM device_logins WHERE device_hash = $1", deviceHash);
  if (used === 0) return undefined;
  const { machine, address, lifetimeMs } = deviceLoginOf(row);
  const token = {
    id,
    name: machine,
    hash,
    suffix,
    // The person says what their token may do. An instance of a version without `person_id` reads these.
    ...(personId === undefined ? OF_ADMIN : LEAST),
    personId,
    expiresAt: at + lifetimeMs,
    lastUsedAt: undefined,
    madeBy: text(row, "decided_by"),
    makerId: personId,
    makerHasLeft: false,
    createdAt: at,
    revokedAt: undefined,
  };
  yield* addManagementToken(token, {
    at,
    actor: token.madeBy,
    source,
    action: "management_token.create",
    subjectId: id,
    changes: { name: machine, requested_by: address, expires_at: new Date(token.expiresAt).toISOString() },
  });
  return yield* tokenWithPerson(token);
}

const OF_ADMIN = { role: "admin", projects: "all" } as const;
const LEAST = { role: "viewer", projects: [] } as const;

function deviceLoginOf(row: Row): DeviceLogin {
  return {
    id: text(row, "id"),
    deviceHash: bytes(row, "device_hash"),
    userHash: bytes(row, "user_hash"),
    machine: text(row, "machine"),
    address: text(row, "address"),
    addressGroup: text(row, "address_group"),
    lifetimeMs: number(row, "lifetime_ms"),
    createdAt: number(row, "created_at"),
    expiresAt: number(row, "expires_at"),
    intervalMs: number(row, "interval_ms"),
  };
}
