/** Makes SQL conditions of a filter. */

import type { UsageFilter } from "../usage_store.ts";
import { storedText } from "./stored_text.ts";

/**
 * Conditions with their values, each with one `?` or several. A condition with an undefined value is left
 * out.
 */
export type Conditions = (readonly [condition: string, value: string | number | undefined])[];

/** The conditions that apply to sums and to single exchanges. */
export function commonConditions({ projectId, tokenId, endpoint, client }: UsageFilter): Conditions {
  return [
    ["project_id = ?", projectId],
    // Tokens of the configuration have no id. Their name is in principal.
    ["CASE coalesce(token_id, '') WHEN '' THEN principal ELSE token_id END = ?", tokenId],
    ["endpoint = ?", endpoint],
    ["client = ?", client],
  ];
}

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
