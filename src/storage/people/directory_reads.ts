/** Reads of users and groups of directories, as work for any database. */

import type { DirectoryGroup } from "../../people/directory.ts";
import type {
  DirectoryMember,
  GroupCondition,
  Slice,
  Sliced,
  UserCondition,
  UserInGroups,
} from "../directory_store.ts";
import type { Row } from "../rows/row.ts";
import { text } from "../rows/row_values.ts";
import {
  GROUP_COLUMNS,
  groupOf,
  USER_COLUMNS,
  userOf,
  type Where,
  whereGroups,
  whereUsers,
} from "./directory_rows.ts";
import { all, allOf, first, type Work } from "./work.ts";

/** Finds a user of a directory. */
export function* findDirectoryUser(
  provider: string,
  by: { readonly id: string } | { readonly externalId: string },
): Work<UserInGroups | undefined> {
  const condition = "id" in by
    ? { attribute: "id", value: by.id } as const
    : { attribute: "externalId", value: by.externalId } as const;
  return (yield* listDirectoryUsers(provider, [condition], { offset: 0, limit: 1 })).items[0];
}

/** Lists users of a directory. */
export function* listDirectoryUsers(
  provider: string,
  conditions: readonly UserCondition[],
  slice: Slice,
): Work<Sliced<UserInGroups>> {
  const { rows, total } = yield* sliced("directory_users", {
    columns: USER_COLUMNS,
    where: whereUsers(provider, conditions),
    slice,
  });
  const shown = slice.memberships === undefined ? rows : yield* beforeLimit(rows, slice.memberships);
  const groups = Map.groupBy(yield* groupsOf(shown), (row) => text(row, "user_id"));
  return {
    total,
    items: shown.map((row) => ({
      user: userOf(row),
      groups: (groups.get(text(row, "id")) ?? []).map((one) => ({
        id: text(one, "id"),
        displayName: text(one, "display_name"),
      })),
    })),
  };
}

/** The first users, who together have at most a number of groups. It is one user at least. */
function* beforeLimit(users: readonly Row[], most: number): Work<readonly Row[]> {
  if (users.length < 2) return users;
  const rows = yield* allOf(
    idsOf(users),
    (places) =>
      `SELECT user_id, count(*) AS total FROM directory_members WHERE user_id IN (${places})
       GROUP BY user_id`,
  );
  const totals = new Map(rows.map((row) => [text(row, "user_id"), Number(row["total"])]));
  let sum = 0;
  const end = users.findIndex((user) => (sum += totals.get(text(user, "id")) ?? 0) > most);
  return end < 0 ? users : users.slice(0, Math.max(1, end));
}

/** The groups of users. */
function* groupsOf(users: readonly Row[]): Work<readonly Row[]> {
  return yield* allOf(
    idsOf(users),
    (places) =>
      `SELECT user_id, directory_groups.id, display_name FROM directory_members
         JOIN directory_groups ON directory_groups.id = group_id
       WHERE user_id IN (${places}) ORDER BY directory_groups.seq`,
  );
}

function idsOf(rows: readonly Row[]): string[] {
  return rows.map((row) => text(row, "id"));
}

/** Finds a group of a directory. */
export function* findDirectoryGroup(provider: string, id: string): Work<DirectoryGroup | undefined> {
  const row = yield* first(
    `SELECT ${GROUP_COLUMNS} FROM directory_groups WHERE provider = $1 AND id = $2`,
    provider,
    id,
  );
  return row && groupOf(row);
}

/** Lists groups of a directory. */
export function* listDirectoryGroups(
  provider: string,
  conditions: readonly GroupCondition[],
  slice: Slice,
): Work<Sliced<DirectoryGroup>> {
  const { rows, total } = yield* sliced("directory_groups", {
    columns: GROUP_COLUMNS,
    where: whereGroups(provider, conditions),
    slice,
  });
  return { total, items: rows.map(groupOf) };
}

/** Lists the members of a group. */
export function* listDirectoryMembers(groupId: string): Work<readonly DirectoryMember[]> {
  const rows = yield* all(
    `SELECT id, user_name FROM directory_members JOIN directory_users ON id = user_id
     WHERE group_id = $1 ORDER BY id`,
    groupId,
  );
  return rows.map((row) => ({ id: text(row, "id"), userName: text(row, "user_name") }));
}

function* sliced(
  table: "directory_users" | "directory_groups",
  { columns, where: { sql, values }, slice: { offset, limit } }: {
    columns: string;
    where: Where;
    slice: Slice;
  },
): Work<{ rows: readonly Row[]; total: number }> {
  const count = yield* first(`SELECT count(*) AS total FROM ${table} WHERE ${sql}`, ...values);
  const rows = limit === 0 ? [] : yield* all(
    `SELECT ${columns} FROM ${table} WHERE ${sql} ORDER BY seq
     LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
    ...values,
    limit,
    offset,
  );
  return { rows, total: Number(count?.["total"] ?? 0) };
}
