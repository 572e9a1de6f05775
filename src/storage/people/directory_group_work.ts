/** Changes of groups of directories, as work for any database. */

import type { DirectoryGroup, DirectoryRules } from "../../people/directory.ts";
import {
  type DirectoryOutcome,
  type DirectoryStore,
  type DirectoryWriter,
  MAX_CHANGED_MEMBERS,
  MAX_DIRECTORY_GROUPS,
  type MemberChange,
} from "../directory_store.ts";
import { text } from "../rows/row_values.ts";
import {
  applyAll,
  type Consequence,
  entryOf,
  givenTo,
  losesLastAdmin,
  ProjectIds,
} from "./directory_people.ts";
import { findDirectoryGroup } from "./directory_reads.ts";
import { keyOf } from "./directory_rows.ts";
import { findPeople } from "./people_work.ts";
import { all, allOf, audit, first, type Work, write, writeOf } from "./work.ts";

/** The most ids of members in an audit entry. */
const MAX_SHOWN = 20;

/** The members that a write adds and removes. */
interface Moves {
  readonly joining: ReadonlySet<string>;
  readonly leaving: ReadonlySet<string>;
  /** The members of before. They are only read if the write concerns all of them. */
  readonly members: ReadonlySet<string>;
}

/** Adds a group, or changes one. */
export function* saveDirectoryGroup(
  group: DirectoryGroup,
  { version, members, rules, by }: Parameters<DirectoryStore["saveDirectoryGroup"]>[1],
): Work<DirectoryOutcome> {
  const before = yield* findDirectoryGroup(group.provider, group.id);
  if (version === undefined) {
    if (yield* isFull(group.provider)) return { kind: "full" };
  } else if (before === undefined) {
    return { kind: "missing" };
  } else if (before.version !== version) {
    return { kind: "stale" };
  }
  const isRenamed = before !== undefined && before.displayName !== group.displayName;
  const moves = yield* movesOf(group, members, { readsAll: isRenamed && rules.groupsDecide });
  if ("kind" in moves) return moves;
  const affected = new Set([...moves.joining, ...moves.leaving, ...isRenamed ? moves.members : []]);
  if (affected.size > MAX_CHANGED_MEMBERS) return { kind: "too many" };
  const consequences = yield* consequencesOf(affected, {
    rules,
    groupId: group.id,
    nameFor: (id) => moves.leaving.has(id) ? undefined : group.displayName,
  });
  if (yield* losesLastAdmin(consequences)) return { kind: "last admin" };
  const { displayName, externalId } = group;
  const isSame = before !== undefined && !isRenamed && before.externalId === externalId;
  if (isSame && moves.joining.size + moves.leaving.size === 0) return { kind: "done" };
  yield* before === undefined ? insertGroup(group) : updateGroup(group);
  yield* moveMembers(group.id, moves);
  yield* applyAll(consequences, by);
  const action = before === undefined ? "scim_group.create" : "scim_group.update";
  yield* audit(entryOf(by, action, group.id, {
    display_name: displayName,
    ...(!isSame && { external_id: externalId }),
    ...shownMoves(moves),
  }));
  return { kind: "done" };
}

/** Removes a group, whose people get the role and the projects of their other groups. */
export function* removeDirectoryGroup(
  { provider, id, version }: Parameters<DirectoryStore["removeDirectoryGroup"]>[0],
  { rules, by }: { readonly rules: DirectoryRules; readonly by: DirectoryWriter },
): Work<DirectoryOutcome> {
  const group = yield* findDirectoryGroup(provider, id);
  if (group === undefined) return { kind: "missing" };
  if (version !== undefined && version !== group.version) return { kind: "stale" };
  const leaving = yield* membersOf(id);
  if (leaving.size > MAX_CHANGED_MEMBERS && rules.groupsDecide) return { kind: "too many" };
  const consequences = yield* consequencesOf(leaving, { rules, groupId: id, nameFor: () => undefined });
  if (yield* losesLastAdmin(consequences)) return { kind: "last admin" };
  yield* write("DELETE FROM directory_groups WHERE id = $1", id);
  yield* applyAll(consequences, by);
  yield* audit(entryOf(by, "scim_group.delete", id, {
    display_name: group.displayName,
    members: leaving.size,
  }));
  return { kind: "done" };
}

/** Works out who joins and who leaves. An id that is not of a user cannot join. */
function* movesOf(
  { id, provider }: DirectoryGroup,
  { replaces, added, removed }: MemberChange,
  { readsAll }: { readonly readsAll: boolean },
): Work<Moves | DirectoryOutcome> {
  if (added.length + removed.length > MAX_CHANGED_MEMBERS && !replaces) return { kind: "too many" };
  const members = replaces || readsAll ? yield* membersOf(id) : new Set<string>();
  const joining = new Set<string>();
  const known = replaces || readsAll ? members : yield* membersAmong(id, [...added, ...removed]);
  for (const userId of added) {
    if (!known.has(userId)) joining.add(userId);
    if (joining.size > MAX_CHANGED_MEMBERS) return { kind: "too many" };
  }
  const users = yield* allOf(
    joining,
    (places) => `SELECT id FROM directory_users WHERE provider = $1 AND id IN (${places})`,
    provider,
  );
  const ids = new Set(users.map((row) => text(row, "id")));
  for (const userId of joining) if (!ids.has(userId)) return { kind: "unknown member", id: userId };
  const kept = new Set(added);
  const leaving = new Set(replaces ? [...members].filter((userId) => !kept.has(userId)) : []);
  for (const userId of removed) if (known.has(userId)) leaving.add(userId);
  return { joining, leaving, members };
}

/** What follows for the people of users whose membership of a group changes. */
function* consequencesOf(
  userIds: ReadonlySet<string>,
  { rules, groupId, nameFor }: {
    readonly rules: DirectoryRules;
    readonly groupId: string;
    /** The name of the group for a user; `undefined` if the user is not in the group. */
    readonly nameFor: (userId: string) => string | undefined;
  },
): Work<Consequence[]> {
  if (!rules.groupsDecide) return [];
  const ids = new ProjectIds();
  const consequences: Consequence[] = [];
  // The transaction of a big group must be short, because other changes of people and tokens wait for it.
  const users = yield* allOf(
    userIds,
    (places) => `SELECT id, person_id FROM directory_users WHERE person_id IS NOT NULL AND id IN (${places})`,
  );
  const others = yield* allOf(
    userIds,
    (places) =>
      `SELECT user_id, display_name FROM directory_members JOIN directory_groups ON id = group_id
       WHERE group_id <> $1 AND user_id IN (${places})`,
    groupId,
  );
  const othersOf = Map.groupBy(others, (row) => text(row, "user_id"));
  const people = new Map(
    (yield* findPeople(users.map((row) => text(row, "person_id")))).map((person) => [person.id, person]),
  );
  for (const row of users) {
    const userId = text(row, "id");
    const person = people.get(text(row, "person_id"));
    if (person === undefined) continue;
    const name = nameFor(userId);
    const groups = [
      ...(othersOf.get(userId) ?? []).map((one) => text(one, "display_name")),
      ...name === undefined ? [] : [name],
    ];
    const change = yield* givenTo(person, groups, { rules, ids, isRecognised: false });
    if (change !== undefined) consequences.push({ person, change });
  }
  return consequences;
}

function* membersOf(groupId: string): Work<Set<string>> {
  const rows = yield* all("SELECT user_id FROM directory_members WHERE group_id = $1", groupId);
  return new Set(rows.map((row) => text(row, "user_id")));
}

/** Those of users who are members. */
function* membersAmong(groupId: string, userIds: readonly string[]): Work<Set<string>> {
  const rows = yield* allOf(
    new Set(userIds),
    (places) => `SELECT user_id FROM directory_members WHERE group_id = $1 AND user_id IN (${places})`,
    groupId,
  );
  return new Set(rows.map((row) => text(row, "user_id")));
}

function* moveMembers(groupId: string, { joining, leaving }: Moves): Work<void> {
  yield* writeOf(
    leaving,
    (places) => `DELETE FROM directory_members WHERE group_id = $1 AND user_id IN (${places})`,
    groupId,
  );
  yield* writeOf(
    joining,
    (places) =>
      `INSERT INTO directory_members (group_id, user_id) SELECT directory_groups.id, directory_users.id
       FROM directory_groups, directory_users
       WHERE directory_groups.id = $1 AND directory_users.id IN (${places})`,
    groupId,
  );
}

/** The ids in the audit entry, and the number of those that it leaves out. */
function shownMoves({ joining, leaving }: Moves): Record<string, unknown> {
  const shown = (ids: ReadonlySet<string>) =>
    ids.size === 0 ? undefined : [
      ...[...ids].slice(0, MAX_SHOWN),
      ...ids.size > MAX_SHOWN ? [`and ${ids.size - MAX_SHOWN} more`] : [],
    ];
  return { members_added: shown(joining), members_removed: shown(leaving) };
}

function* isFull(provider: string): Work<boolean> {
  const row = yield* first("SELECT count(*) AS total FROM directory_groups WHERE provider = $1", provider);
  return Number(row?.["total"] ?? 0) >= MAX_DIRECTORY_GROUPS;
}

function* insertGroup(group: DirectoryGroup): Work<void> {
  yield* write(
    `INSERT INTO directory_groups (id, provider, display_name, group_key, external_id, created_at, updated_at,
       version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    group.id,
    group.provider,
    group.displayName,
    keyOf(group.displayName),
    group.externalId ?? null,
    group.createdAt,
    group.updatedAt,
    group.version,
  );
}

function* updateGroup({ id, displayName, externalId, updatedAt }: DirectoryGroup): Work<void> {
  yield* write(
    `UPDATE directory_groups SET display_name = $2, group_key = $3, external_id = $4, updated_at = $5,
       version = version + 1 WHERE id = $1`,
    id,
    displayName,
    keyOf(displayName),
    externalId ?? null,
    updatedAt,
  );
}
