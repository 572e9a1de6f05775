/** Makes the `WHERE` clause of conditions. */

import type { Conditions } from "../rows/conditions.ts";

/** Makes the `WHERE` clause and its values. The text is empty if there are no conditions. */
export function conditionsOf(conditions: Conditions): { text: string; values: (string | number)[] } {
  const given = conditions.flatMap(([condition, value]) => value === undefined ? [] : [{ condition, value }]);
  return {
    text: given.length === 0 ? "" : `WHERE ${given.map(({ condition }) => condition).join(" AND ")}`,
    values: given.map(({ value }) => value),
  };
}
