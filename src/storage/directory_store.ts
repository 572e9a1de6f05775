/** Users and groups that directories write with SCIM, in a store. */

import type { DirectoryGroup, DirectoryRules, DirectoryUser } from "../people/directory.ts";

/** A condition of a list of users. */
export type UserCondition =
  | { readonly attribute: "id" | "userName" | "externalId"; readonly value: string }
  | { readonly attribute: "active"; readonly value: boolean }
  /** `kind` is the `type` of the address; `undefined` for any. */
  | { readonly attribute: "email"; readonly value: string; readonly kind: string | undefined };

/** A condition of a list of groups. `member` is the id of a user. */
export interface GroupCondition {
  readonly attribute: "id" | "displayName" | "externalId" | "member";
  readonly value: string;
}

/** A part of a list, in the order in which the items were added. */
export interface Slice {
  /** The number of items before the part. */
  readonly offset: number;
  readonly limit: number;
  /** The most groups that the users of the part have together, unless one alone has more. */
  readonly memberships?: number;
}

/** The items of a {@link Slice}, with the number of all items. */
export interface Sliced<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}

/** A user with the groups of the user. */
export interface UserInGroups {
  readonly user: DirectoryUser;
  readonly groups: readonly Pick<DirectoryGroup, "id" | "displayName">[];
}

/** A member of a group: the id and the login name in the directory. */
export interface DirectoryMember {
  readonly id: string;
  readonly userName: string;
}

/** Who writes, for the audit log. */
export interface DirectoryWriter {
  /** The name of the token and of the directory. */
  readonly actor: string;
  /** The IP address that the request came from. */
  readonly source: string;
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** A change of the members of a group. */
export interface MemberChange {
  /** Whether the members of before leave, except those of {@link added}. */
  readonly replaces: boolean;
  /** Ids of users who join. An id that no user has rejects the change. */
  readonly added: readonly string[];
  /** Ids of users; ids that are not of members have no effect. */
  readonly removed: readonly string[];
}

/**
 * What became of a write. `missing`: no record has the id. `stale`: the record has another version. `last
 * admin`: no other person could administer the proxy. `full`: the directory has as many records as it may.
 * `too many`: the members of one write are too many. `unknown member`: no user has the `id`.
 */
export type DirectoryOutcome =
  | { readonly kind: "done" | "missing" | "stale" | "last admin" | "full" | "too many" }
  | { readonly kind: "unknown member"; readonly id: string };

/** The most members that one write adds, removes, or gives another role. */
export const MAX_CHANGED_MEMBERS = 2_000;
/** The most users of a directory, and the most groups. */
export const MAX_DIRECTORY_USERS = 10_000;
/** See {@link MAX_DIRECTORY_USERS}. */
export const MAX_DIRECTORY_GROUPS = 2_000;

/**
 * Reads and changes what directories write. Each write is one transaction with the changes of people that
 * follow from it. Every method may throw a `StoreError`, which is `taken` if another record of the directory
 * has the name.
 */
export interface DirectoryStore {
  readonly findDirectoryUser: (
    provider: string,
    by: { readonly id: string } | { readonly externalId: string },
  ) => Promise<UserInGroups | undefined>;
  readonly listDirectoryUsers: (
    provider: string,
    conditions: readonly UserCondition[],
    slice: Slice,
  ) => Promise<Sliced<UserInGroups>>;
  readonly findDirectoryGroup: (provider: string, id: string) => Promise<DirectoryGroup | undefined>;
  readonly listDirectoryGroups: (
    provider: string,
    conditions: readonly GroupCondition[],
    slice: Slice,
  ) => Promise<Sliced<DirectoryGroup>>;
  /** The members of a group, by their ids. */
  readonly listDirectoryMembers: (groupId: string) => Promise<readonly DirectoryMember[]>;
  /**
   * Adds a user, or changes one. A person whom the user is joined to is disabled while the user is not
   * active, and enabled when the user becomes active again.
   */
  readonly saveDirectoryUser: (
    user: DirectoryUser,
    save: {
      /** The version that the change was made from; `undefined` for a new user. */
      readonly version: number | undefined;
      /** The subject of the person at the provider; `undefined` if only a sign-in can tell it. */
      readonly subject: string | undefined;
      /** A person to add if no person has the subject. */
      readonly newPerson: { readonly id: string; readonly login: string; readonly name: string } | undefined;
      readonly by: DirectoryWriter;
    },
  ) => Promise<DirectoryOutcome>;
  /**
   * Removes a user with their person, whose tokens are revoked. A person whom an administrator has disabled
   * stays, and is disabled.
   */
  readonly removeDirectoryUser: (
    of: { readonly provider: string; readonly id: string; readonly version: number | undefined },
    by: DirectoryWriter,
  ) => Promise<DirectoryOutcome>;
  /** Adds a group, or changes one. If groups decide, its people get the role and the projects of theirs. */
  readonly saveDirectoryGroup: (
    group: DirectoryGroup,
    save: {
      /** `undefined` for a new group. */
      readonly version: number | undefined;
      readonly members: MemberChange;
      readonly rules: DirectoryRules;
      readonly by: DirectoryWriter;
    },
  ) => Promise<DirectoryOutcome>;
  readonly removeDirectoryGroup: (
    of: { readonly provider: string; readonly id: string; readonly version: number | undefined },
    save: { readonly rules: DirectoryRules; readonly by: DirectoryWriter },
  ) => Promise<DirectoryOutcome>;
  /**
   * Joins a user to the person who has signed in. If groups decide, the person gets the role and the projects
   * of theirs. The person is disabled if the user is not active. The last administrator stays one, and
   * enabled. Resolves with `false`, and changes nothing, if the user does not exist or does not have the
   * `externalId` any more, and if the person does not exist.
   */
  readonly joinDirectoryUser: (
    of: { readonly userId: string; readonly personId: string; readonly externalId: string | undefined },
    save: { readonly rules: DirectoryRules; readonly by: DirectoryWriter },
  ) => Promise<boolean>;
}
