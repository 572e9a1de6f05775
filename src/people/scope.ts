/** What a request to the management plane reaches. */

import type { Projects } from "./role.ts";

/**
 * What a request reaches of the things that belong to projects and people. `projects` is what belongs to one
 * of the projects. `own` is what belongs to `owner`, in those projects.
 */
export type Scope =
  | { readonly kind: "all" }
  | { readonly kind: "projects"; readonly projects: readonly string[] }
  | { readonly kind: "own"; readonly owner: string; readonly projects: Projects };

/** What belongs to a project, and perhaps to a person. */
export interface Belonging {
  readonly projectId: string | undefined;
  readonly ownerId: string | undefined;
}

/** Whether a scope has something that belongs to a project and perhaps to a person. */
export function isWithin(scope: Scope, { projectId, ownerId }: Belonging): boolean {
  if (scope.kind === "all") return true;
  if (!hasProject(scope, projectId)) return false;
  return scope.kind === "projects" || ownerId === scope.owner;
}

/** Whether a scope has a project, or things in it. */
export function hasProject(scope: Scope, projectId: string | undefined): boolean {
  if (scope.kind === "all") return true;
  if (projectId === undefined) return false;
  return scope.projects === "all" || scope.projects.includes(projectId);
}
