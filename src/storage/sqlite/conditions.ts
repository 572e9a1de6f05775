/** What a filter comes to in SQL. */

import type { UsageFilter } from "../store.ts";

/** Conditions with the value of each; those without one do not count. */
export type Conditions = (readonly [condition: string, value: string | number | undefined])[];

/** Those that sums and single exchanges have in common. */
export function commonConditions({ projectId, tokenId, endpoint, client }: UsageFilter): Conditions {
  return [
    ["project_id = ?", projectId],
    // Those of the configuration have no id but their name.
    ["CASE coalesce(token_id, '') WHEN '' THEN principal ELSE token_id END = ?", tokenId],
    ["endpoint = ?", endpoint],
    ["client = ?", client],
  ];
}

/** The `WHERE` clause, empty where nothing is asked for, and its values. */
export function conditionsOf(conditions: Conditions): { text: string; values: (string | number)[] } {
  const given = conditions.flatMap(([condition, value]) => value === undefined ? [] : [{ condition, value }]);
  return {
    text: given.length === 0 ? "" : `WHERE ${given.map(({ condition }) => condition).join(" AND ")}`,
    values: given.map(({ value }) => value),
  };
}
