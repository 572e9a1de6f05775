/** The body of PATCH (RFC 7644, 3.5.2). */

import { wrong } from "./scim_error.ts";
import { listOf, type Members, membersOf } from "./values.ts";

/** The most operations of a request. */
export const MAX_OPERATIONS = 1_000;
const OPS = ["add", "remove", "replace"] as const;

/** One operation of a PATCH, whose path and value are still to be read. */
export interface Operation {
  /** Microsoft Entra writes it with a capital. */
  readonly op: typeof OPS[number];
  /** `undefined` if the value has the attributes by their names. */
  readonly path: string | undefined;
  readonly value: unknown;
}

/** The operations of a body. Throws an error for a wrong one. */
export function readOperations(body: Members): readonly Operation[] {
  const operations = listOf(body.get("operations"));
  if (operations.length === 0) throw wrong("invalidSyntax", "The body has no Operations.");
  if (operations.length > MAX_OPERATIONS) {
    throw wrong("tooMany", `The body has more than ${MAX_OPERATIONS} operations.`);
  }
  return operations.map((operation) => {
    const members = membersOf(operation, "An operation");
    const word = members.get("op");
    const op = typeof word === "string" ? OPS.find((one) => one === word.toLowerCase()) : undefined;
    if (op === undefined) throw wrong("invalidSyntax", `The "op" of an operation is not ${OPS.join(", ")}.`);
    const path = members.get("path");
    if (path !== undefined && path !== null && typeof path !== "string") {
      throw wrong("invalidPath", "The path of an operation is not a text.");
    }
    const isWhole = path === undefined || path === null || path === "";
    if (op === "remove" && isWhole) throw wrong("noTarget", "A remove needs a path.");
    return { op, path: isWhole ? undefined : path, value: members.get("value") };
  });
}

/**
 * The values that a remove names, as Microsoft Entra and Authentik do; `undefined` if it removes all (RFC
 * 7644, 3.5.2.2). An empty list names none.
 */
export function namedToRemove(value: unknown): readonly unknown[] | undefined {
  return value === undefined || value === null ? undefined : listOf(value);
}

/** The members of a value, as the directory writes their names. */
export function entriesOf(value: unknown): [string, unknown][] {
  membersOf(value, "The value of an operation without a path");
  return Object.entries(value as Record<string, unknown>);
}

/** Whether a schema is another spelling of one. */
export function isOfSchema(name: string, schema: string): boolean {
  return name.toLowerCase() === schema.toLowerCase();
}
