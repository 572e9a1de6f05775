/** Filters of lists as conditions of the store. */

import type { GroupCondition, UserCondition } from "../../storage/directory_store.ts";
import { type AttributePath, type FilterTerm, type FilterValue, parseFilter } from "./filter.ts";
import { wrong } from "./scim_error.ts";

/** The name of the schema of users (RFC 7643, 4.1). */
export const USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User";
/** The name of the schema of groups (RFC 7643, 4.2). */
export const GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group";

/** The conditions of a filter of users. Throws an `invalidFilter` error. */
export function userConditions(filter: string | undefined): UserCondition[] {
  return termsOf(filter, USER_SCHEMA).map(({ path, value }) => {
    const { attribute, sub, within } = path;
    if (attribute === "emails") return emailCondition(path, value);
    if (sub === undefined && within.length === 0) {
      if (attribute === "active") return { attribute: "active", value: flagOf(value) };
      if (attribute === "id") return { attribute: "id", value: textOf(value) };
      if (attribute === "username") return { attribute: "userName", value: textOf(value) };
      if (attribute === "externalid") return { attribute: "externalId", value: textOf(value) };
    }
    throw unsupported("id, userName, externalId, active and emails");
  });
}

/** The conditions of a filter of groups. Throws an `invalidFilter` error. */
export function groupConditions(filter: string | undefined): GroupCondition[] {
  return termsOf(filter, GROUP_SCHEMA).map(({ path: { attribute, sub, within }, value }) => {
    if (attribute === "members") {
      const [only] = within;
      if (only !== undefined && within.length === 1 && only.attribute === "value" && value === undefined) {
        return { attribute: "member", value: textOf(only.value) };
      }
      if (within.length === 0 && (sub === undefined || sub === "value")) {
        return { attribute: "member", value: textOf(value) };
      }
    } else if (sub === undefined && within.length === 0) {
      if (attribute === "id") return { attribute: "id", value: textOf(value) };
      if (attribute === "displayname") return { attribute: "displayName", value: textOf(value) };
      if (attribute === "externalid") return { attribute: "externalId", value: textOf(value) };
    }
    throw unsupported("id, displayName, externalId and members");
  });
}

function termsOf(filter: string | undefined, schema: string): readonly FilterTerm[] {
  const terms = filter === undefined ? [] : parseFilter(filter);
  for (const { path } of terms) {
    if (path.schema === undefined || path.schema.toLowerCase() === schema.toLowerCase()) continue;
    throw wrong("invalidFilter", `The filter has an attribute of another schema than ${schema}.`);
  }
  return terms;
}

/** `emails eq`, `emails.value eq`, `emails[type eq "work"].value eq`, or all in brackets. */
function emailCondition({ sub, within }: AttributePath, value: FilterValue | undefined): UserCondition {
  let address = value;
  let kind: string | undefined;
  if (sub !== undefined && sub !== "value") throw unsupported("the type and the value of emails");
  for (const one of within) {
    if (one.attribute === "type" && kind === undefined) kind = textOf(one.value);
    else if (one.attribute === "value" && address === undefined) address = one.value;
    else throw unsupported("the type and the value of emails");
  }
  return { attribute: "email", value: textOf(address), kind };
}

function textOf(value: FilterValue | undefined): string {
  if (typeof value === "string") return value;
  throw wrong("invalidFilter", "The filter compares an attribute of text with a value that is not a text.");
}

function flagOf(value: FilterValue | undefined): boolean {
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  if (text === "true" || text === "false") return text === "true";
  throw wrong("invalidFilter", 'The filter compares "active" with a value that is not true or false.');
}

function unsupported(what: string): Error {
  return wrong("invalidFilter", `The filter has an attribute that cannot be filtered by: only ${what} can.`);
}
