/** PATCH of users, in the forms that directories send (RFC 7644, 3.5.2). */

import {
  type DirectoryEmail,
  type DirectoryName,
  type DirectoryUserData,
  NAME_PARTS,
} from "../../people/directory.ts";
import { USER_SCHEMA } from "./conditions.ts";
import { type AttributePath, type Comparison, parsePath } from "./filter.ts";
import { entriesOf, isOfSchema, namedToRemove, type Operation } from "./patch.ts";
import { wrong } from "./scim_error.ts";
import { readEmails, readName } from "./user_resource.ts";
import { flagOf, listOf, membersOf, requiredText, textOf } from "./values.ts";

/** The user while operations change it. */
type Draft = { -readonly [Member in keyof DirectoryUserData]: DirectoryUserData[Member] };

/**
 * Attributes of RFC 7643 that the proxy does not keep. Directories send them with others, so a change of them
 * has no effect, and is not an error.
 */
const NOT_KEPT: ReadonlySet<string> = new Set([
  ...["nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "password"],
  ...[
    "phonenumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509certificates",
    "department",
  ],
  ...["manager", "organization", "division", "costcenter", "employeenumber"],
]);
/** Attributes that only the proxy writes. */
const READ_ONLY: ReadonlySet<string> = new Set(["id", "meta", "groups", "schemas"]);

/** The user after operations. Throws an error for an operation that cannot be done. */
export function patchedUser(user: DirectoryUserData, operations: readonly Operation[]): DirectoryUserData {
  const draft: Draft = { ...user };
  for (const { op, path, value } of operations) {
    if (path !== undefined) {
      change(draft, { op, path: parsePath(path), value });
      continue;
    }
    // Without a path, the value has attributes. Microsoft Entra also sends paths as their names.
    for (const [name, one] of entriesOf(value)) {
      if (READ_ONLY.has(name.toLowerCase())) continue;
      if (isSchemaOf(name)) {
        for (const [inner, of] of isOfSchema(name, USER_SCHEMA) ? entriesOf(one) : []) {
          change(draft, { op, path: parsePath(inner), value: of });
        }
        continue;
      }
      change(draft, { op, path: parsePath(name), value: one });
    }
  }
  return draft;
}

/** Whether a member of a value is a schema with attributes, like `urn:…:enterprise:2.0:User`. */
function isSchemaOf(name: string): boolean {
  return /^urn:.*:(?:User|Group)$/i.test(name);
}

interface Change {
  readonly op: Operation["op"];
  readonly path: AttributePath;
  readonly value: unknown;
}

function change(draft: Draft, { op, path, value }: Change): void {
  const { schema, attribute, sub, within } = path;
  if (schema !== undefined && !isOfSchema(schema, USER_SCHEMA)) return;
  const isSimple = sub === undefined && within.length === 0;
  const given = op === "remove" ? undefined : value;
  if (attribute === "emails") return changeEmails(draft, { op, path, value });
  if (attribute === "name" && within.length === 0) return changeName(draft, { op, path, value });
  if (isSimple && attribute === "active") {
    // A removed value is its default, and the default must not enable a person.
    draft.active = op === "remove" ? false : flagOf(given, "active");
  } else if (isSimple && attribute === "username") {
    draft.userName = requiredText(given, "userName");
  } else if (isSimple && attribute === "externalid") {
    set(draft, "externalId", textOf(given, "externalId"));
  } else if (isSimple && attribute === "displayname") {
    set(draft, "displayName", textOf(given, "displayName"));
  } else if (READ_ONLY.has(attribute)) {
    throw wrong("mutability", `${attribute} cannot be changed.`);
  } else if (!NOT_KEPT.has(attribute)) {
    throw wrong("invalidPath", `A user has no attribute ${JSON.stringify(attribute)} with this path.`);
  }
}

function changeName(draft: Draft, { op, path: { sub }, value }: Change): void {
  if (sub === undefined) {
    // Parts that the value does not have stay, also with "replace" (RFC 7644, 3.5.2.3).
    return set(draft, "name", op === "remove" ? undefined : { ...draft.name, ...readName(value) });
  }
  const part = NAME_PARTS.find((one) => one.toLowerCase() === sub);
  if (part === undefined) throw wrong("invalidPath", `A name has no part ${JSON.stringify(sub)}.`);
  const text = op === "remove" ? undefined : textOf(value, `name.${part}`);
  const { [part]: _, ...others } = draft.name ?? {};
  const name: DirectoryName = { ...others, ...(text !== undefined && { [part]: text }) };
  set(draft, "name", Object.keys(name).length === 0 ? undefined : name);
}

function changeEmails(draft: Draft, { op, path, value }: Change): void {
  const { sub, within } = path;
  if (within.length === 0 && sub === undefined) {
    const given = readEmails(value);
    if (op === "remove") {
      const hasNamed = namedToRemove(value) !== undefined;
      draft.emails = hasNamed
        ? draft.emails.filter((one) => !given.some((other) => isNamed(one, other)))
        : [];
      return;
    }
    // An address that is there already is not added again.
    const kept = op === "add" ? draft.emails.filter((one) => !given.some((other) => isSame(one, other))) : [];
    draft.emails = readEmails([...kept, ...given]);
    return;
  }
  if (within.length === 0) {
    throw wrong("invalidPath", 'A path of emails needs brackets, like emails[type eq "work"].');
  }
  const found = draft.emails.filter((email) => matches(email, within));
  if (op === "remove" && sub === undefined) {
    draft.emails = draft.emails.filter((email) => !found.includes(email));
    return;
  }
  const changed = (email: DirectoryEmail | undefined): readonly DirectoryEmail[] =>
    readEmails([{
      ...email,
      ...(sub === undefined ? objectOf(value) : { [sub]: op === "remove" ? null : value }),
    }]);
  if (found.length > 0) {
    draft.emails = draft.emails.flatMap((email) => found.includes(email) ? changed(email) : [email]);
    return;
  }
  if (op === "remove") return;
  // Microsoft Entra sets an address in this way that the user does not have yet.
  draft.emails = readEmails([...draft.emails, ...changed(addressOf(within))]);
}

/** The members of an address that a value in brackets sets, as the directory wrote them. */
function objectOf(value: unknown): Record<string, unknown> {
  const [only] = listOf(value);
  return Object.fromEntries(membersOf(only, "emails"));
}

/** The address that fits brackets. */
function addressOf(within: readonly Comparison[]): DirectoryEmail {
  // `readEmails` checks the values.
  return Object.fromEntries(
    within.map(({ attribute, value }) => [attribute, value]),
  ) as unknown as DirectoryEmail;
}

function matches({ value, type, primary = false }: DirectoryEmail, within: readonly Comparison[]): boolean {
  return within.every((one) => {
    const wanted = typeof one.value === "string" ? one.value.toLowerCase() : one.value;
    if (one.attribute === "type") return type?.toLowerCase() === wanted;
    if (one.attribute === "value") return value.toLowerCase() === wanted;
    if (one.attribute === "primary") return primary === (wanted === "true" || wanted === true);
    throw wrong("invalidPath", `An address has no attribute ${JSON.stringify(one.attribute)}.`);
  });
}

/** Whether a value of a remove names an address. A value without a type names each with this address. */
function isNamed(one: DirectoryEmail, { value, type = one.type }: DirectoryEmail): boolean {
  return isSame(one, { value, ...(type !== undefined && { type }) });
}

function isSame(one: DirectoryEmail, other: DirectoryEmail): boolean {
  return one.value.toLowerCase() === other.value.toLowerCase() && one.type === other.type;
}

function set<Name extends "externalId" | "displayName" | "name">(
  draft: Draft,
  name: Name,
  value: Draft[Name] | undefined,
): void {
  if (value === undefined) delete draft[name];
  else draft[name] = value;
}
