/** Makes SQL conditions of a filter. */

import type { UsageFilter } from "../usage_store.ts";

/** Conditions with their values. A condition with an undefined value is left out. */
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

/** Makes the `WHERE` clause and its values. The text is empty if there are no conditions. */
export function conditionsOf(conditions: Conditions): { text: string; values: (string | number)[] } {
  const given = conditions.flatMap(([condition, value]) => value === undefined ? [] : [{ condition, value }]);
  return {
    text: given.length === 0 ? "" : `WHERE ${given.map(({ condition }) => condition).join(" AND ")}`,
    values: given.map(({ value }) => value),
  };
}
