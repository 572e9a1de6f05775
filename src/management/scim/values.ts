/** Reads values of JSON that a directory sends. All functions throw a {@link wrong} error. */

import { wrong } from "./scim_error.ts";

/** The longest text of an attribute, in characters. */
const MAX_TEXT = 256;

/** A JSON object whose member names are compared without regard to case, as RFC 7643 (2.1) says. */
export type Members = ReadonlyMap<string, unknown>;

/** The members of an object by their names in small letters. */
export function membersOf(value: unknown, name: string): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong("invalidValue", `${name} is not an object.`);
  }
  return new Map(Object.entries(value).map(([key, one]) => [key.toLowerCase(), one]));
}

/** A list; a value alone is a list of one. `null` and a missing value are an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}

/** A text; `undefined` for `null`, an empty text and a missing value. */
export function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw wrong("invalidValue", `${name} is not a text.`);
  if (value.length > MAX_TEXT) {
    throw wrong("invalidValue", `${name} is longer than ${MAX_TEXT} characters.`);
  }
  // PostgreSQL has no such character, so two databases would differ.
  if (value.includes("\0")) throw wrong("invalidValue", `${name} has a character that is not allowed.`);
  return value;
}

/** A text that must be there. */
export function requiredText(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (text === undefined || text.trim() === "") throw wrong("invalidValue", `${name} is missing or empty.`);
  return text;
}

/** True or false. Microsoft Entra also sends the texts "True" and "False". */
export function flagOf(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  if (text === "true" || text === "false") return text === "true";
  throw wrong("invalidValue", `${name} is not true or false.`);
}
