/** Changes of users of directories, as work for any database. */

import type { DirectoryRules, DirectoryUser } from "../../people/directory.ts";
import type { Person } from "../../people/person.ts";
import {
  type DirectoryOutcome,
  type DirectoryStore,
  type DirectoryWriter,
  MAX_DIRECTORY_USERS,
} from "../directory_store.ts";
import { revokeTokensMadeBy } from "./account_work.ts";
import {
  applyAll,
  type Consequence,
  entryOf,
  givenTo,
  losesLastAdmin,
  ProjectIds,
} from "./directory_people.ts";
import { findDirectoryUser } from "./directory_reads.ts";
import { detailsOf, keyOf, USER_COLUMNS, userOf } from "./directory_rows.ts";
import { addPerson, findPerson, findPersonOf, removePerson, revokeTokensOf } from "./people_work.ts";
import { audit, first, type Work, write } from "./work.ts";

type SaveOptions = Parameters<DirectoryStore["saveDirectoryUser"]>[1];

/** Adds a user, or changes one. */
export function* saveDirectoryUser(
  user: DirectoryUser,
  { version, subject, newPerson, by }: SaveOptions,
): Work<DirectoryOutcome> {
  const before = (yield* findDirectoryUser(user.provider, { id: user.id }))?.user;
  if (version === undefined) {
    if (yield* isFull(user.provider)) return { kind: "full" };
  } else if (before === undefined) {
    return { kind: "missing" };
  } else if (before.version !== version) {
    return { kind: "stale" };
  }
  const person = yield* personOf(user, { before, subject });
  const leaving = before?.personId !== undefined && before.personId !== person?.id
    ? yield* findPerson(before.personId)
    : undefined;
  const isDisabler = before !== undefined && person !== undefined && before.personId === person.id &&
    (yield* hasDisabled(user.id));
  const consequences: Consequence[] = [
    ...leaving === undefined || leaving.disabled ? [] : [{ person: leaving, change: { disabled: true } }],
    ...person === undefined ? [] : activation(person, { user, isDisabler }),
  ];
  if (yield* losesLastAdmin(consequences)) return { kind: "last admin" };
  const isNewPerson = person === undefined && subject !== undefined && newPerson !== undefined &&
    isJoinedAgain(user, before);
  if (isNewPerson) yield* addPersonOf(user, { newPerson, subject, by });
  const saved = { ...user, personId: isNewPerson ? newPerson.id : person?.id };
  yield* before === undefined ? insertUser(saved) : updateUser(saved, before);
  if (leaving !== undefined) yield* revokeTokensMadeBy(leaving.id, by.at);
  yield* applyAll(consequences, by);
  yield* noteDisabled(user.id, !user.active && (isDisabler || isNewPerson || person?.disabled === false));
  const { userName: user_name, externalId: external_id, active, personId: person_id } = saved;
  const action = before === undefined ? "scim_user.create" : "scim_user.update";
  yield* audit(entryOf(by, action, user.id, { user_name, external_id, active, person_id }));
  return { kind: "done" };
}

/** The person whom a user is joined to after a change. */
function* personOf(
  user: DirectoryUser,
  { before, subject }: { before: DirectoryUser | undefined; subject: string | undefined },
): Work<Person | undefined> {
  if (before?.personId !== undefined && before.externalId === user.externalId) {
    return yield* findPerson(before.personId);
  }
  return subject === undefined ? undefined : yield* findPersonOf(user.provider, subject);
}

/**
 * Whether a write adds a person: the directory names another person than before, or names one for the first
 * time, or keeps the person out. Other writes do not add a person again whom an administrator has removed.
 */
function isJoinedAgain(user: DirectoryUser, before: DirectoryUser | undefined): boolean {
  return before === undefined || before.externalId !== user.externalId || !before.active || !user.active;
}

/**
 * A person is disabled with the user, and enabled when the user becomes active again. A directory does not
 * enable a person whom an administrator has disabled here.
 */
function activation(
  person: Person,
  { user, isDisabler }: { user: DirectoryUser; isDisabler: boolean },
): Consequence[] {
  if (!user.active) return person.disabled ? [] : [{ person, change: { disabled: true } }];
  return person.disabled && isDisabler ? [{ person, change: { disabled: false } }] : [];
}

/** Whether the directory has disabled the person of a user. */
function* hasDisabled(userId: string): Work<boolean> {
  return (yield* first("SELECT 1 AS one FROM directory_users WHERE id = $1 AND has_disabled", userId)) !==
    undefined;
}

function* noteDisabled(userId: string, isDisabler: boolean): Work<void> {
  yield* write("UPDATE directory_users SET has_disabled = $2 WHERE id = $1", userId, isDisabler);
}

/** A person of a directory has no role until a sign-in or a group gives one. */
function* addPersonOf(
  { provider, active }: DirectoryUser,
  { newPerson, subject, by }: {
    newPerson: Pick<Person, "id" | "login" | "name">;
    subject: string;
    by: DirectoryWriter;
  },
): Work<void> {
  const { id, login } = newPerson;
  const person: Person = {
    ...newPerson,
    role: "viewer",
    projects: [],
    disabled: !active,
    origin: { kind: "provider", provider, subject },
    createdAt: by.at,
    updatedAt: by.at,
    version: 1,
  };
  const changes = { login, role: "viewer", projects: [], ...(!active && { disabled: true }) };
  yield* addPerson(person, entryOf(by, "person.create", id, changes));
}

/** Removes a user with their person. A person whom an administrator has disabled here stays disabled. */
export function* removeDirectoryUser(
  { provider, id, version }: Parameters<DirectoryStore["removeDirectoryUser"]>[0],
  by: DirectoryWriter,
): Work<DirectoryOutcome> {
  const user = (yield* findDirectoryUser(provider, { id }))?.user;
  if (user === undefined) return { kind: "missing" };
  if (version !== undefined && version !== user.version) return { kind: "stale" };
  const person = user.personId === undefined ? undefined : yield* findPerson(user.personId);
  if (person !== undefined && (yield* losesLastAdmin([], person))) return { kind: "last admin" };
  // Otherwise a directory could remove the person, and add the same one again, who would not be disabled.
  const isKept = person?.disabled === true && !(yield* hasDisabled(id));
  yield* write("DELETE FROM directory_users WHERE id = $1", id);
  if (person !== undefined) {
    yield* revokeTokensMadeBy(person.id, by.at);
    if (isKept) yield* revokeTokensOf(person.id, by.at);
  }
  if (person !== undefined && !isKept) {
    const { login, name } = person;
    const entry = entryOf(by, "person.remove", person.id, { login, name });
    yield* removePerson(person, { audit: entry, guard: { keepsAdmin: false } });
  }
  yield* audit(entryOf(by, "scim_user.delete", id, { user_name: user.userName, person_id: person?.id }));
  return { kind: "done" };
}

/** Joins a user to the person who has signed in. */
export function* joinDirectoryUser(
  { userId, personId, externalId }: Parameters<DirectoryStore["joinDirectoryUser"]>[0],
  { rules, by }: { readonly rules: DirectoryRules; readonly by: DirectoryWriter },
): Work<boolean> {
  const row = yield* first(`SELECT ${USER_COLUMNS} FROM directory_users WHERE id = $1`, userId);
  const person = yield* findPerson(personId);
  const user = row && userOf(row);
  if (user === undefined || user.externalId !== externalId || person === undefined) return false;
  const found = yield* findDirectoryUser(user.provider, { id: userId });
  const groups = (found?.groups ?? []).map(({ displayName }) => displayName);
  const given = rules.groupsDecide
    ? yield* givenTo(person, groups, { rules, ids: new ProjectIds(), isRecognised: true })
    : undefined;
  const isDisabled = !user.active && !person.disabled;
  const change = { ...given, ...(isDisabled && { disabled: true }) };
  // With another subject at the provider, the person of before cannot sign in any more.
  const leaving = user.personId !== undefined && user.personId !== personId
    ? yield* findPerson(user.personId)
    : undefined;
  const consequences = yield* withoutLastAdmin([
    ...leaving === undefined || leaving.disabled ? [] : [{ person: leaving, change: { disabled: true } }],
    ...Object.keys(change).length === 0 ? [] : [{ person, change }],
  ]);
  if (leaving !== undefined) yield* revokeTokensMadeBy(leaving.id, by.at);
  yield* applyAll(consequences, by);
  if (user.personId !== personId || isDisabled) {
    yield* noteDisabled(userId, isDisabled && consequences.some((one) => one.person === person));
  }
  if (user.personId === personId) return true;
  // A person is one user: what the directory does with an old record of them must not reach them.
  yield* write("UPDATE directory_users SET person_id = NULL WHERE person_id = $1", personId);
  yield* write(
    "UPDATE directory_users SET person_id = $2, updated_at = $3, version = version + 1 WHERE id = $1",
    userId,
    personId,
    by.at,
  );
  yield* audit(entryOf(by, "scim_user.join", userId, { person_id: personId }));
  return true;
}

/** The changes of people without those that would take away the last administrator. */
function* withoutLastAdmin(all: readonly Consequence[]): Work<readonly Consequence[]> {
  if (!(yield* losesLastAdmin(all))) return all;
  const kept: Consequence[] = [];
  for (const one of all) if (!(yield* losesLastAdmin([one]))) kept.push(one);
  return kept;
}

function* isFull(provider: string): Work<boolean> {
  const row = yield* first("SELECT count(*) AS total FROM directory_users WHERE provider = $1", provider);
  return Number(row?.["total"] ?? 0) >= MAX_DIRECTORY_USERS;
}

function* insertUser(user: DirectoryUser): Work<void> {
  yield* write(
    `INSERT INTO directory_users (id, provider, user_name, user_key, external_id, active, details, person_id,
       created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    user.id,
    user.provider,
    user.userName,
    keyOf(user.userName),
    user.externalId ?? null,
    user.active,
    detailsOf(user),
    user.personId ?? null,
    user.createdAt,
    user.updatedAt,
    user.version,
  );
  yield* writeAddresses(user);
}

function* updateUser(user: DirectoryUser, before: DirectoryUser): Work<void> {
  yield* write(
    `UPDATE directory_users SET user_name = $2, user_key = $3, external_id = $4, active = $5, details = $6,
       person_id = $7, updated_at = $8, version = version + 1 WHERE id = $1`,
    user.id,
    user.userName,
    keyOf(user.userName),
    user.externalId ?? null,
    user.active,
    detailsOf(user),
    user.personId ?? null,
    user.updatedAt,
  );
  if (JSON.stringify(user.emails) === JSON.stringify(before.emails)) return;
  yield* write("DELETE FROM directory_addresses WHERE user_id = $1", user.id);
  yield* writeAddresses(user);
}

function* writeAddresses({ id, emails }: DirectoryUser): Work<void> {
  const pairs = new Map(
    emails.map(({ value, type = "" }) => [JSON.stringify([keyOf(value), keyOf(type)]), { value, type }]),
  );
  for (const { value, type } of pairs.values()) {
    yield* write(
      "INSERT INTO directory_addresses (user_id, address, kind) VALUES ($1, $2, $3)",
      id,
      keyOf(value),
      keyOf(type),
    );
  }
}
