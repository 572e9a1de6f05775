/** People and their invitations, as work for any database. */

import type { Origin, Person } from "../../people/person.ts";
import { ROLES } from "../../people/role.ts";
import type { NewAuditEntry } from "../audit_store.ts";
import type { Listed, Page } from "../page.ts";
import type { Invitation, PersonChange, PersonGuard, PersonOutcome } from "../people_store.ts";
import { pageOf } from "../rows/pages.ts";
import type { Row } from "../rows/row.ts";
import { flag, number, text } from "../rows/row_values.ts";
import { all, allOf, audit as auditEntry, first, lock, type Value, type Work, write } from "./work.ts";

const COLUMNS = "seq, id, login, name, role, all_projects, disabled, provider, subject, passphrase, " +
  "created_at, updated_at, version";
/** The condition of administrators who can sign in. */
export const ACTING_ADMIN =
  "role = 'admin' AND NOT disabled AND (passphrase IS NOT NULL OR provider IS NOT NULL)";
/** Whether the owner of a token may use its project. */
const OWNER_MAY_USE = `EXISTS (SELECT 1 FROM people WHERE people.id = tokens.owner_id AND NOT disabled
  AND (all_projects OR EXISTS (SELECT 1 FROM person_projects
    WHERE person_projects.person_id = people.id AND person_projects.project_id = tokens.project_id)))`;

/** Adds a person. A database throws `taken` if the login name is in use. */
export function* addPerson(person: Person, audit: NewAuditEntry): Work<void> {
  const { origin } = person;
  yield* write(
    `INSERT INTO people (id, login, name, role, all_projects, disabled, provider, subject, created_at,
       updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    person.id,
    person.login,
    person.name,
    person.role,
    person.projects === "all",
    person.disabled,
    origin.kind === "provider" ? origin.provider : null,
    origin.kind === "provider" ? origin.subject : null,
    person.createdAt,
    person.updatedAt,
    person.version,
  );
  yield* setProjects(person.id, person.projects);
  yield* auditEntry(audit);
}

/** Finds a person by the id. */
export function* findPerson(id: string): Work<Person | undefined> {
  return (yield* peopleOf(yield* all(`SELECT ${COLUMNS} FROM people WHERE id = $1`, id)))[0];
}

/** Finds the people of ids. */
export function* findPeople(ids: readonly string[]): Work<Person[]> {
  const rows = yield* allOf(
    new Set(ids),
    (places) => `SELECT ${COLUMNS} FROM people WHERE id IN (${places}) ORDER BY seq`,
  );
  return yield* peopleOf(rows);
}

/** Finds a person and the hash of their passphrase by the login name. */
export function* findSignIn(
  login: string,
): Work<{ person: Person; passphrase: string | undefined } | undefined> {
  const rows = yield* all(`SELECT ${COLUMNS} FROM people WHERE login = $1`, login);
  const [person] = yield* peopleOf(rows);
  const passphrase = rows[0]?.["passphrase"];
  return person && { person, passphrase: typeof passphrase === "string" ? passphrase : undefined };
}

/** Finds the person of a provider. */
export function* findPersonOf(provider: string, subject: string): Work<Person | undefined> {
  const sql = `SELECT ${COLUMNS} FROM people WHERE provider = $1 AND subject = $2`;
  return (yield* peopleOf(yield* all(sql, provider, subject)))[0];
}

/** Finds the person with a subject at any provider. Of several, a disabled one comes first. */
export function* findProviderPerson(subject: string): Work<Pick<Person, "id" | "disabled"> | undefined> {
  const row = yield* first(
    `SELECT id, disabled FROM people WHERE subject = $1
     ORDER BY disabled DESC, seq LIMIT 1`,
    subject,
  );
  return row && { id: text(row, "id"), disabled: flag(row, "disabled") };
}

/** Lists people, newest first. */
export function* listPeople(page: Page): Work<Listed<Person>> {
  const rows = yield* all(
    `SELECT ${COLUMNS} FROM people WHERE seq < $1 ORDER BY seq DESC LIMIT $2`,
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.limit + 1,
  );
  const people = new Map((yield* peopleOf(rows)).map((person) => [person.id, person]));
  // Each row has its person.
  return pageOf(rows, page, (row) => people.get(text(row, "id")) as Person);
}

/** Changes a person, and switches their tokens on or off. */
export function* changePerson(
  of: { id: string; version: number },
  change: PersonChange,
  { audit, guard }: { audit: NewAuditEntry; guard: PersonGuard },
): Work<PersonOutcome> {
  const before = yield* findPerson(of.id);
  if (before === undefined || before.version !== of.version) return "stale";
  const { name, role, projects, disabled } = { ...before, ...change };
  const staysAdmin = role === "admin" && !disabled;
  if (guard.keepsAdmin && !staysAdmin && (yield* isLastAdmin(of.id))) return "last admin";
  const changed = yield* write(
    `UPDATE people SET name = $3, role = $4, all_projects = $5, disabled = $6, updated_at = $7, version = $2 + 1
     WHERE id = $1 AND version = $2`,
    of.id,
    of.version,
    name,
    role,
    projects === "all",
    disabled,
    audit.at,
  );
  if (changed === 0) return "stale";
  if (change.projects !== undefined) {
    yield* write("DELETE FROM person_projects WHERE person_id = $1", of.id);
    yield* setProjects(of.id, projects);
  }
  if (change.disabled !== undefined) {
    // A directory enables only the people that it has disabled itself. It notes that after this.
    yield* write(
      "UPDATE directory_users SET has_disabled = FALSE WHERE person_id = $1 AND has_disabled",
      of.id,
    );
  }
  if (disabled) yield* endAccessOf(of.id, audit.at);
  if (before.role === "admin" && !staysAdmin) yield* endInvitations(audit.at);
  yield* settleTokens(of.id, audit.at);
  yield* auditEntry(audit);
  return "done";
}

/** Ends all invitations: an administrator who leaves may have kept links for other people. */
function* endInvitations(at: number): Work<void> {
  yield* write("UPDATE invitations SET used_at = $1 WHERE used_at IS NULL", at);
}

/** Removes a person, and revokes their tokens. */
export function* removePerson(
  { id, version }: { id: string; version: number },
  { audit, guard }: { audit: NewAuditEntry; guard: PersonGuard },
): Work<PersonOutcome> {
  if (guard.keepsAdmin && (yield* isLastAdmin(id))) return "last admin";
  const before = yield* findPerson(id);
  const removed = yield* write("DELETE FROM people WHERE id = $1 AND version = $2", id, version);
  if (removed === 0) return "stale";
  if (before?.role === "admin") yield* endInvitations(audit.at);
  yield* endAccessOf(id, audit.at);
  yield* revokeTokensOf(id, audit.at);
  yield* auditEntry(audit);
  return "done";
}

/** Revokes the client tokens of a person. */
export function* revokeTokensOf(ownerId: string, at: number): Work<void> {
  yield* lockTokens(ownerId);
  yield* write(
    `UPDATE tokens SET revoked_at = $2, updated_at = $2, version = version + 1
     WHERE owner_id = $1 AND revoked_at IS NULL`,
    ownerId,
    at,
  );
}

/**
 * Sets the hash of a passphrase. Other sessions, all invitations and all management tokens of the person end.
 */
export function* setPassphrase(
  personId: string,
  { hash, keptSession, checked }: {
    hash: string;
    keptSession: string | undefined;
    checked?: { readonly version: number };
  },
  audit: NewAuditEntry,
): Work<boolean> {
  const changed = yield* write(
    `UPDATE people SET passphrase = $2, updated_at = $3, version = version + 1
     WHERE id = $1 AND version = coalesce($4, version)`,
    personId,
    hash,
    audit.at,
    checked?.version ?? null,
  );
  if (changed === 0) return false;
  yield* endAccessOf(personId, audit.at, keptSession);
  yield* write(
    "UPDATE invitations SET used_at = $2 WHERE person_id = $1 AND used_at IS NULL",
    personId,
    audit.at,
  );
  yield* auditEntry(audit);
  return true;
}

/** Adds an invitation in place of earlier ones of the person. */
export function* addInvitation({ hash, personId, expiresAt }: Invitation, audit: NewAuditEntry): Work<void> {
  yield* write("DELETE FROM invitations WHERE person_id = $1", personId);
  yield* write(
    "INSERT INTO invitations (hash, person_id, expires_at) VALUES ($1, $2, $3)",
    hash,
    personId,
    expiresAt,
  );
  yield* auditEntry(audit);
}

/** The person of an invitation that still works. */
export function* findInvited(hash: Uint8Array, at: number): Work<Person | undefined> {
  const row = yield* first(
    "SELECT person_id FROM invitations WHERE hash = $1 AND used_at IS NULL AND expires_at > $2",
    hash,
    at,
  );
  const person = row && (yield* findPerson(text(row, "person_id")));
  return person?.disabled === false ? person : undefined;
}

/** Uses an invitation: sets the passphrase of its person. The audit entry gets the id of the person. */
export function* useInvitation(
  hash: Uint8Array,
  passphrase: string,
  audit: NewAuditEntry,
): Work<Person | undefined> {
  const person = yield* findInvited(hash, audit.at);
  if (person === undefined) return undefined;
  // Of two transactions at the same time, one changes the row.
  const used = yield* write(
    "UPDATE invitations SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
    hash,
    audit.at,
  );
  if (used === 0) return undefined;
  const entry = { ...audit, subjectId: person.id };
  return (yield* setPassphrase(person.id, { hash: passphrase, keptSession: undefined }, entry))
    ? yield* findPerson(person.id)
    : undefined;
}

/**
 * Switches off the tokens of a person whose projects they may not use, and switches them on again when they
 * may. A token that was switched off otherwise stays off.
 */
export function* settleTokens(ownerId: string, at: number): Work<void> {
  const sql = "SELECT 1 AS one FROM tokens WHERE owner_id = $1 AND revoked_at IS NULL LIMIT 1";
  if ((yield* first(sql, ownerId)) === undefined) return;
  yield* lockTokens(ownerId);
  yield* write(
    `UPDATE tokens SET active = FALSE, owner_left = TRUE, updated_at = $2, version = version + 1
     WHERE owner_id = $1 AND active AND revoked_at IS NULL AND NOT ${OWNER_MAY_USE}`,
    ownerId,
    at,
  );
  yield* write(
    `UPDATE tokens SET active = TRUE, owner_left = FALSE, updated_at = $2, version = version + 1
     WHERE owner_id = $1 AND owner_left AND revoked_at IS NULL AND ${OWNER_MAY_USE}`,
    ownerId,
    at,
  );
}

/** All transactions lock tokens in the order of their ids, so that none waits for another in a circle. */
function* lockTokens(ownerId: string): Work<void> {
  yield* lock("SELECT 1 AS one FROM tokens WHERE owner_id = $1 ORDER BY id FOR UPDATE", ownerId);
}

/** Whether a token has no owner, or one who may use its project. */
export function* ownerMayUse(tokenId: string): Work<boolean> {
  const sql = `SELECT 1 AS one FROM tokens WHERE id = $1 AND (owner_id IS NULL OR ${OWNER_MAY_USE})`;
  return (yield* first(sql, tokenId)) !== undefined;
}

/** Notes the owner of a token for sums of usage, also after the token is deleted. */
export function* noteOwner(tokenId: string, ownerId: string): Work<void> {
  yield* write("INSERT INTO token_owners (token_id, owner_id) VALUES ($1, $2)", tokenId, ownerId);
}

/** Notes the name of an account at a provider, and the person to whom its usage belongs. */
export function* touchAccount(
  { tokenId, name, ownerId }: { tokenId: string; name: string; ownerId: string | undefined },
): Work<void> {
  yield* write(
    `INSERT INTO account_names (token_id, name) VALUES ($1, $2)
     ON CONFLICT (token_id) DO UPDATE SET name = excluded.name`,
    tokenId,
    name,
  );
  if (ownerId === undefined) return;
  yield* write(
    `INSERT INTO token_owners (token_id, owner_id) VALUES ($1, $2)
     ON CONFLICT (token_id) DO UPDATE SET owner_id = excluded.owner_id`,
    tokenId,
    ownerId,
  );
}

/** Ends the sessions of a person but one, and revokes their management tokens. */
export function* endAccessOf(personId: string, at: number, kept = ""): Work<void> {
  yield* write(
    "UPDATE sessions SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL AND id <> $3",
    personId,
    at,
    kept,
  );
  yield* write(
    "UPDATE management_tokens SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL",
    personId,
    at,
  );
}

/** Makes people of their rows. The rows are a range by `seq`. */
export function* peopleOf(rows: readonly Row[]): Work<Person[]> {
  if (rows.length === 0) return [];
  const places = rows.map((row) => number(row, "seq"));
  const projects = rows.every((row) => flag(row, "all_projects")) ? [] : yield* all(
    `SELECT person_id, project_id FROM person_projects JOIN people ON people.id = person_id
     WHERE seq >= $1 AND seq <= $2 ORDER BY project_id`,
    Math.min(...places),
    Math.max(...places),
  );
  const projectsOf = Map.groupBy(projects, (row) => text(row, "person_id"));
  return rows.map((row) => ({
    id: text(row, "id"),
    login: text(row, "login"),
    name: text(row, "name"),
    // Another value can only come from another program. It must not give more than the least role.
    role: ROLES.find((role) => role === row["role"]) ?? "member",
    projects: flag(row, "all_projects")
      ? "all"
      : (projectsOf.get(text(row, "id")) ?? []).map((one) => text(one, "project_id")),
    disabled: flag(row, "disabled"),
    origin: originOf(row),
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  }));
}

function originOf(row: Row): Origin {
  const { provider, subject } = row;
  return typeof provider === "string" ? { kind: "provider", provider, subject: String(subject) } : {
    kind: "local",
  };
}

/** Whether a person is an administrator who can sign in, and no other one can. */
function* isLastAdmin(id: string): Work<boolean> {
  const sql = (which: string): string =>
    `SELECT 1 AS one FROM people WHERE id ${which} $1 AND ${ACTING_ADMIN} LIMIT 1`;
  if ((yield* first(sql("="), id)) === undefined) return false;
  return (yield* first(sql("<>"), id)) === undefined;
}

function* setProjects(personId: string, projects: Person["projects"]): Work<void> {
  if (projects === "all") return;
  for (const projectId of new Set(projects)) {
    // A project that another request has deleted meanwhile is left out.
    const values: Value[] = [personId, projectId];
    yield* write(
      "INSERT INTO person_projects (person_id, project_id) SELECT $1, id FROM projects WHERE id = $2",
      ...values,
    );
  }
}
