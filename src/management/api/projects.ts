/** Routes for projects. */

import { keyContext } from "../../auth/managed_tokens.ts";
import { suffixOf } from "../../auth/token_value.ts";
import { projectKey } from "../../principal.ts";
import type { Project, ProjectKey } from "../../storage/store.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { auditable } from "./audit_entry.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { resource } from "./resource.ts";
import { json, type Route, route } from "./route.ts";
import { mergedRules, moment, shownRules } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** Makes the routes at `/projects`. */
export function projectRoutes(parts: ManageParts): Route[] {
  const { store, clock } = parts;

  const shown = (project: Project) => ({
    id: project.id,
    name: project.name,
    active: project.active,
    ...shownRules(project.rules, { key: projectKey(project.id), spentOf: parts.spent }),
    provider_keys: Object.fromEntries(project.keys.map(({ endpoint, suffix }) => [endpoint, { suffix }])),
    created_at: moment(project.createdAt),
    updated_at: moment(project.updatedAt),
  });
  const projects = resource(parts, { name: "project", read: (id) => store.findProject(id), shown });

  return [
    route({
      method: "get",
      path: "/projects",
      summary: "Projects, newest first",
      query: requests.projectsQuery,
      answers: { 200: answers.listOf(answers.project) },
      handle: async ({ query }) =>
        json(listBody(await store.listProjects({ ...pageOf(query), activeOnly: query.active_only }), shown)),
    }),
    route({
      method: "post",
      path: "/projects",
      summary: "Create a project",
      body: requests.projectCreation,
      answers: { 201: answers.project },
      async handle({ body, source }) {
        checkEndpointNames(body, parts.endpointNames());
        const now = clock.epochMs();
        const id = createId("prj");
        const project: Project = {
          id,
          name: body.name,
          active: body.active,
          rules: mergedRules({}, body),
          keys: await mergedKeys([], body.provider_keys, { parts, projectId: id }),
          createdAt: now,
          updatedAt: now,
          version: 1,
        };
        await store.addProject(project, projects.auditOf({ id, source })("create", auditable(body)));
        await parts.changed();
        return json(shown(project), { status: 201, version: 1 });
      },
    }),
    route({
      method: "get",
      path: "/projects/{id}",
      summary: "A project",
      answers: { 200: answers.project },
      handle: ({ id }) => projects.respond(id),
    }),
    route({
      method: "patch",
      path: "/projects/{id}",
      summary: "Change a project; omitted members stay, null removes a setting",
      body: requests.projectChange,
      answers: { 200: answers.project },
      async handle(request) {
        const { id, body } = request;
        checkEndpointNames(body, parts.endpointNames());
        return await projects.update(request, async (before, audit) =>
          await store.changeProject(before, {
            ...(body.name !== undefined && { name: body.name }),
            ...(body.active !== undefined && { active: body.active }),
            rules: mergedRules(before.rules, body),
            ...(body.provider_keys !== undefined && {
              keys: await mergedKeys(before.keys, body.provider_keys, { parts, projectId: id }),
            }),
          }, audit("update", auditable(body))));
      },
    }),
    route({
      method: "delete",
      path: "/projects/{id}",
      summary: "Deactivate a project; its tokens are rejected from the next request on",
      answers: { 204: undefined },
      handle: (request) =>
        projects.remove(request, (before, audit) => {
          if (!before.active) return undefined;
          return store.changeProject(before, { active: false }, audit("deactivate", { active: false }));
        }),
    }),
    route({
      method: "post",
      path: "/projects/{id}/delete",
      summary:
        "Delete a deactivated project and its tokens, if all are revoked; its usage is kept under its id",
      answers: { 204: undefined },
      handle: (request) =>
        projects.remove(request, async (before, audit) => {
          if (before.active) {
            throw new Problem(409, "The project is active: deactivate it before you delete it.");
          }
          await parts.flushed();
          const result = await store.deleteProject(before, audit("delete", { name: before.name }));
          if (result === "has tokens") {
            throw new Problem(
              409,
              "Some tokens of the project are not revoked: revoke them before you delete it.",
            );
          }
          return result !== "changed";
        }),
    }),
    route({
      method: "post",
      path: "/projects/{id}/tokens/revoke",
      summary: "Revoke all tokens of a project",
      answers: { 200: answers.revocation },
      async handle({ id, source }) {
        await projects.find(id);
        const entry = projects.auditOf({ id, source })("revoke_tokens", {});
        const { total, before } = await store.revokeTokens(id, entry);
        await parts.changed();
        return json({ revoked_count: total - before, already_revoked_count: before, total_tokens: total });
      },
    }),
  ];
}

/** Applies changes to the provider keys of a project, and seals new keys. Null removes a key. */
async function mergedKeys(
  before: readonly ProjectKey[],
  input: Readonly<Record<string, string | null>> | undefined,
  { parts, projectId }: { parts: ManageParts; projectId: string },
): Promise<ProjectKey[]> {
  const keys = new Map(before.map((key) => [key.endpoint, key]));
  for (const [endpoint, key] of Object.entries(input ?? {})) {
    if (key === null) keys.delete(endpoint);
    else {
      const sealed = await parts.box.seal(key, keyContext(projectId, endpoint));
      keys.set(endpoint, { endpoint, sealed, suffix: shownSuffix(key) });
    }
  }
  return [...keys.values()];
}

/**
 * The suffix of a key that the API shows. It is empty for a short key, since four characters would reveal too
 * much.
 */
function shownSuffix(key: string): string {
  return key.length < 16 ? "" : suffixOf(key);
}
