/** Makes the `WHERE` clause of conditions. */

import type { Conditions } from "../rows/conditions.ts";
import { storedText } from "./stored_text.ts";

/**
 * Makes the `WHERE` clause and its values. The text is empty if there are no conditions. Its placeholders are
 * numbered after those of `before` other values.
 */
export function conditionsOf(
  conditions: Conditions,
  { before = 0 }: { before?: number } = {},
): { text: string; values: (string | number)[] } {
  const texts: string[] = [];
  const values: (string | number)[] = [];
  for (const [condition, value] of conditions) {
    if (value === undefined) continue;
    values.push(typeof value === "string" ? storedText(value) : value);
    texts.push(condition.replaceAll("?", `$${before + values.length}`));
  }
  return { text: texts.length === 0 ? "" : `WHERE ${texts.join(" AND ")}`, values };
}
