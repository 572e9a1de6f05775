/** The conditions of filters, as SQL that both databases know. */

import type { Scope } from "../../people/scope.ts";
import type { UsageFilter } from "../usage_store.ts";
import type { SqlDialect } from "./usage_source.ts";

/**
 * Conditions with their values, each with one `?` or several. A condition with an undefined value is left
 * out.
 */
export type Conditions = (readonly [condition: string, value: string | number | undefined])[];

/** A deleted token keeps its owner in this table. */
const OF_OWNER = "token_id IN (SELECT token_id FROM token_owners WHERE owner_id = ?)";

/** The conditions that apply to single exchanges. */
export function exchangeConditions(
  { projectId, tokenId, endpoint, client, personId, within }: UsageFilter,
  dialect: Pick<SqlDialect, "list">,
): Conditions {
  return [
    ["project_id = ?", projectId],
    // Tokens of the configuration have no id. Their name is in principal.
    ["CASE coalesce(token_id, '') WHEN '' THEN principal ELSE token_id END = ?", tokenId],
    ["endpoint = ?", endpoint],
    ["client = ?", client],
    [OF_OWNER, personId],
    ...scopeConditions(within, { project: "project_id", owner: OF_OWNER }, dialect),
  ];
}

/**
 * The conditions of a scope. `project` is the column with the id of the project, and `owner` the condition
 * for what belongs to an owner. A table without owners has none, so that an owner reaches the projects.
 */
export function scopeConditions(
  scope: Scope = { kind: "all" },
  { project, owner }: { project: string; owner?: string },
  { list }: Pick<SqlDialect, "list">,
): Conditions {
  if (scope.kind === "all") return [];
  const { projects } = scope;
  return [
    [`${project} IN ${list("?")}`, projects === "all" ? undefined : JSON.stringify(projects)],
    ...(scope.kind === "own" && owner !== undefined ? [[owner, scope.owner] as const] : []),
  ];
}
