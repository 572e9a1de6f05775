/** Values of rows. The tables are STRICT, so a column holds a value of its type. */

import type { Rules } from "../../principal.ts";
import type { Row } from "./connection.ts";

/** The value of a TEXT column that is never NULL. */
export function text(row: Row, column: string): string {
  return String(row[column]);
}

/** The value of an INTEGER or REAL column that is never NULL. */
export function number(row: Row, column: string): number {
  return Number(row[column]);
}

/** The value of an INTEGER or REAL column; `undefined` for NULL. */
export function optional(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : Number(row[column]);
}

/** The value of a BLOB column. Throws a `TypeError` for NULL. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`${column} is not a BLOB`);
  return value;
}

/** The rules in the column `rules`. */
export function rulesOf(row: Row): Rules {
  // Only `JSON.stringify` of Rules writes this column.
  return JSON.parse(text(row, "rules")) as Rules;
}
