/**
 * Values of rows. The tables of SQLite are STRICT, and PostgreSQL has types, so a column holds a value of its
 * type.
 */

import type { Rules } from "../../principal.ts";
import type { Row } from "./row.ts";

/** The value of a column of text that is never NULL. */
export function text(row: Row, column: string): string {
  return String(row[column]);
}

/** The value of a column of numbers that is never NULL. */
export function number(row: Row, column: string): number {
  return Number(row[column]);
}

/** The value of a column of numbers; `undefined` for NULL. */
export function optional(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : Number(row[column]);
}

/** The value of a column of true and false that is never NULL. SQLite has 1 and 0 for them. */
export function flag(row: Row, column: string): boolean {
  return row[column] === true || row[column] === 1;
}

/** The value of a column of bytes. Throws a `TypeError` for NULL. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`${column} holds no bytes`);
  return value;
}

/** The rules in the column `rules`. */
export function rulesOf(row: Row): Rules {
  // Only `JSON.stringify` of Rules writes this column.
  return JSON.parse(text(row, "rules")) as Rules;
}
