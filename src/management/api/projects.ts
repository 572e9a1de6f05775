/** Routes for projects. */

import { keyContext } from "../../auth/managed_tokens.ts";
import { suffixOf } from "../../auth/token_value.ts";
import { projectCountKey } from "../../principal.ts";
import type { Project, ProjectKey } from "../../storage/access_store.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { RouteParts } from "./parts.ts";
import { ADMIN_ONLY } from "./access.ts";
import { auditable } from "./audit_entry.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { type Resource, resource } from "./resource.ts";
import {
  type BodyRequest,
  json,
  type JsonReply,
  type QueryRequest,
  type Route,
  route,
  type RouteRequest,
} from "./route.ts";
import { mergedRules, moment, shownRules } from "./rules.ts";
import * as responses from "./responses.ts";
import * as requests from "./requests.ts";

/** A provider key pays for requests, so a stolen session must not set one. */
const setsKeys = ({ provider_keys }: { provider_keys?: unknown }): boolean => provider_keys !== undefined;

/** The routes at `/projects`. */
export const PROJECT_ROUTES: readonly Route[] = [
  route("get /projects", {
    access: { admin: "all", manager: "projects", member: "projects", viewer: "projects" },
    summary: "Projects, newest first",
    query: requests.projectsQuery,
    responses: { 200: responses.listOf(responses.project) },
    handle: listProjects,
  }),
  route("post /projects", {
    access: ADMIN_ONLY,
    needsFreshSignIn: setsKeys,
    summary: "Create a project",
    body: requests.projectCreation,
    responses: { 201: responses.project },
    handle: createProject,
  }),
  route("get /projects/{id}", {
    access: { admin: "all", manager: "projects", member: "projects", viewer: "projects" },
    summary: "A project",
    responses: { 200: responses.project },
    handle: ({ id }, parts) => projectsOf(parts).respond(id),
  }),
  route("patch /projects/{id}", {
    access: ADMIN_ONLY,
    needsFreshSignIn: setsKeys,
    summary: "Change a project; omitted members stay, null removes a setting",
    body: requests.projectChange,
    responses: { 200: responses.project },
    handle: changeProject,
  }),
  route("delete /projects/{id}", {
    access: ADMIN_ONLY,
    summary: "Deactivate a project; its tokens are rejected from the next request on",
    responses: { 204: undefined },
    handle: deactivateProject,
  }),
  route("post /projects/{id}/delete", {
    access: ADMIN_ONLY,
    // The provider keys of the project are deleted with it.
    needsFreshSignIn: true,
    summary:
      "Delete a deactivated project and its tokens, if all are revoked; its usage is kept under its id",
    responses: { 204: undefined },
    handle: deleteProject,
  }),
  route("post /projects/{id}/tokens/revoke", {
    access: { admin: "all", manager: "projects", member: "denied", viewer: "denied" },
    needsFreshSignIn: true,
    summary: "Revoke all tokens of a project",
    responses: { 200: responses.revocation },
    handle: revokeTokens,
  }),
];

async function listProjects(
  { query }: QueryRequest<typeof requests.projectsQuery>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  const listed = await parts.store.listProjects({ ...pageOf(query), activeOnly: query.active_only });
  return json(listBody(listed, (project) => shownProject(project, parts)));
}

async function createProject(
  { body, source }: BodyRequest<typeof requests.projectCreation>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  checkEndpointNames(body, parts.endpointNames());
  const now = parts.clock.epochMs();
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
  const audit = projectsOf(parts).auditOf({ id, source });
  await parts.store.addProject(project, audit("create", auditable(body)));
  await parts.changed();
  return json(shownProject(project, parts), { status: 201, version: 1 });
}

async function changeProject(
  request: BodyRequest<typeof requests.projectChange>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  const { id, body } = request;
  checkEndpointNames(body, parts.endpointNames());
  return await projectsOf(parts).update(
    request,
    async (before, audit) =>
      await parts.store.changeProject(before, {
        ...(body.name !== undefined && { name: body.name }),
        ...(body.active !== undefined && { active: body.active }),
        rules: mergedRules(before.rules, body),
        ...(body.provider_keys !== undefined && {
          keys: await mergedKeys(before.keys, body.provider_keys, { parts, projectId: id }),
        }),
      }, audit("update", auditable(body))),
  );
}

function deactivateProject(request: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  return projectsOf(parts).remove(request, (before, audit) => {
    if (!before.active) return undefined;
    return parts.store.changeProject(before, { active: false }, audit("deactivate", { active: false }));
  });
}

function deleteProject(request: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  return projectsOf(parts).remove(request, async (before, audit) => {
    if (before.active) {
      throw new Problem(409, "The project is active: deactivate it before you delete it.");
    }
    await parts.flushed();
    const result = await parts.store.deleteProject(before, audit("delete", { name: before.name }));
    if (result === "has tokens") {
      throw new Problem(409, "Some tokens of the project are not revoked: revoke them before you delete it.");
    }
    return result !== "changed";
  });
}

async function revokeTokens({ id, source }: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  const projects = projectsOf(parts);
  await projects.find(id);
  const entry = projects.auditOf({ id, source })("revoke_tokens", {});
  const { total, before } = await parts.store.revokeTokens(id, entry);
  await parts.changed();
  return json({ revoked_count: total - before, already_revoked_count: before, total_tokens: total });
}

/** Reads, responds with and changes projects. */
function projectsOf(parts: RouteParts): Resource<Project> {
  return resource(parts, {
    name: "project",
    read: (id) => parts.store.findProject(id),
    shown: (project) => shownProject(project, parts),
  });
}

/** A project in the form of the API. Of each provider key, it has the suffix alone. */
function shownProject(project: Project, { spent }: RouteParts) {
  return {
    id: project.id,
    name: project.name,
    active: project.active,
    ...shownRules(project.rules, { key: projectCountKey(project.id), spentOf: spent }),
    provider_keys: Object.fromEntries(project.keys.map(({ endpoint, suffix }) => [endpoint, { suffix }])),
    created_at: moment(project.createdAt),
    updated_at: moment(project.updatedAt),
  };
}

/** Applies changes to the provider keys of a project, and seals new keys. Null removes a key. */
async function mergedKeys(
  before: readonly ProjectKey[],
  input: Readonly<Record<string, string | null>> | undefined,
  { parts, projectId }: { parts: RouteParts; projectId: string },
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
