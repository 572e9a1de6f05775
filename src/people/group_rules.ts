/** What the groups of a person let the person do, by the configuration of their provider. */

import { type Role, ROLES } from "./role.ts";

/** The rules of a provider for groups, by their names. */
export interface GroupRules {
  readonly roles: ReadonlyMap<string, Role>;
  /** Names of projects by group. */
  readonly projects: ReadonlyMap<string, readonly string[]>;
  /** The role of people without a group in {@link roles}; `undefined` if they have no role. */
  readonly defaultRole?: Role;
}

/** What the groups of a person give, before an administrator gets all projects. */
export interface GivenByGroups {
  /** The highest role; `undefined` if no group gives one, and there is no default. */
  readonly role: Role | undefined;
  /** Names of projects, without repeats. */
  readonly projects: readonly string[];
}

/** What a person with these groups may do. The names are compared with upper and lower case. */
export function givenByGroups(
  groups: readonly string[],
  { roles, projects, defaultRole }: GroupRules,
): GivenByGroups {
  const named = new Set(groups.map((group) => roles.get(group)));
  return {
    role: ROLES.find((one) => named.has(one)) ?? defaultRole,
    projects: [...new Set(groups.flatMap((group) => projects.get(group) ?? []))],
  };
}
