/** Rows of users and groups of directories, and the conditions of lists of them. */

import type { DirectoryGroup, DirectoryUser, DirectoryUserData } from "../../people/directory.ts";
import type { GroupCondition, UserCondition } from "../directory_store.ts";
import type { Row } from "../rows/row.ts";
import { flag, number, text } from "../rows/row_values.ts";
import type { Value } from "./work.ts";

/** The columns that {@link userOf} reads. */
export const USER_COLUMNS =
  "seq, id, provider, user_name, external_id, active, details, person_id, created_at, " +
  "updated_at, version";
/** The columns that {@link groupOf} reads. */
export const GROUP_COLUMNS = "seq, id, provider, display_name, external_id, created_at, updated_at, version";

/** The attributes of a user that no condition and no join needs. */
type Details = Pick<DirectoryUserData, "displayName" | "name" | "emails">;

/** A name in the form in which names are compared. */
export function keyOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** The text of the column `details`. */
export function detailsOf({ displayName, name, emails }: Details): string {
  return JSON.stringify({ displayName, name, emails });
}

/** Makes a user of a row of `directory_users`. */
export function userOf(row: Row): DirectoryUser {
  // Only `detailsOf` writes this column.
  const details = JSON.parse(text(row, "details")) as Details;
  return {
    id: text(row, "id"),
    provider: text(row, "provider"),
    userName: text(row, "user_name"),
    ...externalIdOf(row),
    active: flag(row, "active"),
    ...details,
    personId: row["person_id"] === null ? undefined : text(row, "person_id"),
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}

/** Makes a group of a row of `directory_groups`. */
export function groupOf(row: Row): DirectoryGroup {
  return {
    id: text(row, "id"),
    provider: text(row, "provider"),
    displayName: text(row, "display_name"),
    ...externalIdOf(row),
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}

function externalIdOf(row: Row): { externalId?: string } {
  return row["external_id"] === null ? {} : { externalId: text(row, "external_id") };
}

/** A `WHERE` clause with its values. The text has nothing of a client. */
export interface Where {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** The users of a provider that fit all conditions. */
export function whereUsers(provider: string, conditions: readonly UserCondition[]): Where {
  return where(provider, conditions, (condition, place) => {
    switch (condition.attribute) {
      case "id":
        return [`id = ${place(condition.value)}`];
      case "userName":
        return [`user_key = ${place(keyOf(condition.value))}`];
      case "externalId":
        return [`external_id = ${place(condition.value)}`];
      case "active":
        return [condition.value ? "active" : "NOT active"];
      case "email": {
        const address = place(keyOf(condition.value));
        const kind = condition.kind === undefined ? "" : ` AND kind = ${place(keyOf(condition.kind))}`;
        return [`id IN (SELECT user_id FROM directory_addresses WHERE address = ${address}${kind})`];
      }
      default:
        return condition satisfies never;
    }
  });
}

/** The groups of a provider that fit all conditions. */
export function whereGroups(provider: string, conditions: readonly GroupCondition[]): Where {
  return where(provider, conditions, ({ attribute, value }, place) => {
    switch (attribute) {
      case "id":
        return [`id = ${place(value)}`];
      case "displayName":
        return [`group_key = ${place(keyOf(value))}`];
      case "externalId":
        return [`external_id = ${place(value)}`];
      case "member":
        return [`id IN (SELECT group_id FROM directory_members WHERE user_id = ${place(value)})`];
      default:
        return attribute satisfies never;
    }
  });
}

function where<Condition>(
  provider: string,
  conditions: readonly Condition[],
  sqlOf: (condition: Condition, place: (value: Value) => string) => string[],
): Where {
  const values: Value[] = [provider];
  const place = (value: Value): string => `$${values.push(value)}`;
  const parts = conditions.flatMap((condition) => sqlOf(condition, place));
  return { sql: ["provider = $1", ...parts].join(" AND "), values };
}
