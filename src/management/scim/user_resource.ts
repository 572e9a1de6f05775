/** Users as SCIM resources (RFC 7643, 4.1): what of them is kept, and how they are shown. */

import {
  type DirectoryEmail,
  type DirectoryName,
  type DirectoryUserData,
  NAME_PARTS,
} from "../../people/directory.ts";
import type { UserInGroups } from "../../storage/directory_store.ts";
import { USER_SCHEMA } from "./conditions.ts";
import { wrong } from "./scim_error.ts";
import { flagOf, listOf, type Members, membersOf, requiredText, textOf } from "./values.ts";

/** The most email addresses of a user. */
const MAX_EMAILS = 20;

/**
 * The user of a body. With `before`, the body replaces a user: what decides on the access of the person,
 * `active` and `externalId`, stays if the body does not have it, as in the bodies of Okta.
 */
export function readUser(body: Members, before?: DirectoryUserData): DirectoryUserData {
  checkSchemas(body, USER_SCHEMA);
  const externalId = textOf(body.get("externalid"), "externalId") ?? before?.externalId;
  const displayName = textOf(body.get("displayname"), "displayName");
  const name = readName(body.get("name"));
  return {
    userName: requiredText(body.get("username"), "userName"),
    ...(externalId !== undefined && { externalId }),
    active: isMissing(body.get("active")) ? before?.active ?? true : flagOf(body.get("active"), "active"),
    ...(displayName !== undefined && { displayName }),
    ...(name !== undefined && { name }),
    emails: readEmails(body.get("emails")),
  };
}

/** Checks that a body is of a schema, if it names schemas. */
export function checkSchemas(body: Members, schema: string): void {
  const named = body.get("schemas");
  if (named === undefined) return;
  const isNamed = listOf(named).some((one) =>
    typeof one === "string" && one.toLowerCase() === schema.toLowerCase()
  );
  if (!isNamed) throw wrong("invalidSyntax", `"schemas" does not have ${schema}.`);
}

/** A name; `undefined` without any part. */
export function readName(value: unknown): DirectoryName | undefined {
  if (isMissing(value)) return undefined;
  const members = membersOf(value, "name");
  const parts = NAME_PARTS.flatMap((part) => {
    const text = textOf(members.get(part.toLowerCase()), `name.${part}`);
    return text === undefined ? [] : [[part, text] as const];
  });
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}

/** Email addresses. Those without a value are left out. */
export function readEmails(value: unknown): DirectoryEmail[] {
  const items = listOf(value);
  if (items.length > MAX_EMAILS) {
    throw wrong("invalidValue", `emails has more than ${MAX_EMAILS} addresses.`);
  }
  return items.flatMap((item) => {
    if (typeof item === "string") return item === "" ? [] : [{ value: requiredText(item, "emails.value") }];
    const members = membersOf(item, "emails");
    const address = textOf(members.get("value"), "emails.value");
    if (address === undefined) return [];
    const type = textOf(members.get("type"), "emails.type");
    const primary = members.get("primary");
    return [{
      value: address,
      ...(type !== undefined && { type }),
      ...(!isMissing(primary) && { primary: flagOf(primary, "emails.primary") }),
    }];
  });
}

/** A user as a resource. `base` is the URL of the API. */
export function shownUser({ user, groups }: UserInGroups, base: string): Record<string, unknown> {
  const { id, userName, externalId, active, displayName, name, emails, createdAt, updatedAt, version } = user;
  return {
    schemas: [USER_SCHEMA],
    id,
    ...(externalId !== undefined && { externalId }),
    userName,
    ...(name !== undefined && { name }),
    ...(displayName !== undefined && { displayName }),
    active,
    ...(emails.length > 0 && { emails }),
    groups: groups.map((group) => ({
      value: group.id,
      display: group.displayName,
      type: "direct",
      $ref: `${base}/Groups/${group.id}`,
    })),
    meta: metaOf("User", { id, createdAt, updatedAt, version }, base),
  };
}

/** The attribute `meta` of a resource. */
export function metaOf(
  resourceType: "User" | "Group",
  { id, createdAt, updatedAt, version }: {
    readonly id: string;
    readonly createdAt: number;
    readonly updatedAt: number;
    readonly version: number;
  },
  base: string,
) {
  return {
    resourceType,
    created: new Date(createdAt).toISOString(),
    lastModified: new Date(updatedAt).toISOString(),
    location: `${base}/${resourceType}s/${id}`,
    version: etagOf(version),
  };
}

/** The ETag of a resource, by the number of its last change. */
export function etagOf(version: number): string {
  return `W/"${version}"`;
}

/** The name of a person to show, and names that could be the login name. */
export function namesOf({ userName, displayName, name, emails }: DirectoryUserData) {
  const whole = [name?.givenName, name?.familyName].filter((part) => part !== undefined).join(" ");
  return {
    shown: displayName ?? name?.formatted ?? (whole === "" ? userName : whole),
    wanted: [userName, ...emails.map(({ value }) => value), displayName?.replace(/\s+/g, ".")],
  };
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}
