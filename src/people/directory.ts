/** People and groups as a directory writes them with SCIM (RFC 7643), and how they relate to people here. */

import type { GroupRules } from "./group_rules.ts";

/** The parts of a name that are kept (RFC 7643, 4.1.1). */
export const NAME_PARTS = [
  "formatted",
  "familyName",
  "givenName",
  "middleName",
  "honorificPrefix",
  "honorificSuffix",
] as const;
/** The name of a user by its parts. */
export type DirectoryName = Readonly<Partial<Record<typeof NAME_PARTS[number], string>>>;

/** An email address of a user. The directory may not have checked it. */
export interface DirectoryEmail {
  readonly value: string;
  /** Such as `work`; `undefined` without a kind. */
  readonly type?: string;
  readonly primary?: boolean;
}

/** What a directory says of a user. */
export interface DirectoryUserData {
  /** The login name in the directory. No two users of a directory have the same, in any case of letters. */
  readonly userName: string;
  /** The directory's identifier of the user, by which the user is joined to a person. */
  readonly externalId?: string;
  /** Whether the user may use the proxy. */
  readonly active: boolean;
  readonly displayName?: string;
  readonly name?: DirectoryName;
  readonly emails: readonly DirectoryEmail[];
}

/** A user of a directory. Times are milliseconds since 1970. */
export interface DirectoryUser extends DirectoryUserData {
  /** The id, like `dru_9f3b…`. */
  readonly id: string;
  /** The provider of the configuration that the directory belongs to. */
  readonly provider: string;
  /** The person whom the user is joined to; `undefined` until the person is known. */
  readonly personId: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of the last change. A change names the version that it was made from. */
  readonly version: number;
}

/** What a directory says of a group. */
export interface DirectoryGroupData {
  readonly displayName: string;
  readonly externalId?: string;
}

/** A group of a directory. Times are milliseconds since 1970. */
export interface DirectoryGroup extends DirectoryGroupData {
  /** The id, like `drg_9f3b…`. */
  readonly id: string;
  readonly provider: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of the last change. A change names the version that it was made from. */
  readonly version: number;
}

/** How the groups of a directory decide what its people may do. */
export interface DirectoryRules extends GroupRules {
  /** Whether the groups decide. If not, only the sign-in sets roles and projects. */
  readonly groupsDecide: boolean;
  /** Groups of which a person needs one to sign in. */
  readonly allowedGroups: readonly string[];
  /**
   * Who else may sign in. `all`: all people. `none`: only people with one of the {@link allowedGroups}.
   * `recognised`: people whom only the sign-in can recognise, by a verified address.
   */
  readonly allowedOthers: "all" | "none" | "recognised";
}
