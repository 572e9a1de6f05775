/** Makes SQL conditions of a filter. */

import type { Scope } from "../../people/scope.ts";
import type { UsageFilter } from "../usage_store.ts";
import { storedText } from "./stored_text.ts";

/**
 * Conditions with their values, each with one `?` or several. A condition with an undefined value is left
 * out.
 */
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
      `${project} IN (SELECT json_array_elements_text(?::json))`,
      projects === "all" ? undefined : JSON.stringify(projects),
    ],
    ...(scope.kind === "own" && owner !== undefined ? [[owner, scope.owner] as const] : []),
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
