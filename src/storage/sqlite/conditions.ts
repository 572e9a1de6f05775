/** Makes SQL conditions of a filter. */

import type { Scope } from "../../people/scope.ts";
import type { UsageFilter } from "../usage_store.ts";

/** Conditions with their values. A condition with an undefined value is left out. */
export type Conditions = (readonly [condition: string, value: string | number | undefined])[];

/** The conditions that apply to sums and to single exchanges. */
export function commonConditions(
  { projectId, tokenId, endpoint, client, personId, within }: UsageFilter,
): Conditions {
  return [
    ["project_id = ?", projectId],
    // Tokens of the configuration have no id. Their name is in principal.
    ["CASE coalesce(token_id, '') WHEN '' THEN principal ELSE token_id END = ?", tokenId],
    ["endpoint = ?", endpoint],
    ["client = ?", client],
    [OF_OWNER, personId],
    ...withinConditions(within, { project: "project_id", owner: OF_OWNER }),
  ];
}

/** A deleted token keeps its owner in this table. */
const OF_OWNER = "token_id IN (SELECT token_id FROM token_owners WHERE owner_id = ?)";

/**
 * The conditions of a scope. `project` is the column with the id of the project, and `owner` the condition
 * for what belongs to an owner. A table without owners has none, so that an owner reaches the projects.
 */
export function withinConditions(
  scope: Scope = { kind: "all" },
  { project, owner }: { project: string; owner?: string },
): Conditions {
  if (scope.kind === "all") return [];
  const { projects } = scope;
  return [
    [
      `${project} IN (SELECT value FROM json_each(?))`,
      projects === "all" ? undefined : JSON.stringify(projects),
    ],
    ...(scope.kind === "own" && owner !== undefined ? [[owner, scope.owner] as const] : []),
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
