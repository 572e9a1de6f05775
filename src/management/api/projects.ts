/** Projects. */

import { keyContext } from "../../auth/managed_tokens.ts";
import { suffixOf } from "../../auth/token_value.ts";
import type { Project, ProjectKey } from "../../storage/store.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { auditable, auditor, changedMeanwhile, checkVersion } from "./changes.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { json, type Route, route } from "./route.ts";
import { mergedRules, moment, shownRules } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** Their routes. */
export function projectRoutes(parts: ManageParts): Route[] {
  const { store, clock } = parts;

  const shown = (project: Project) => ({
    id: project.id,
    name: project.name,
    active: project.active,
    ...shownRules(project.rules, { key: `project:${project.id}`, spentOf: parts.spent }),
    provider_keys: Object.fromEntries(project.keys.map(({ endpoint, suffix }) => [endpoint, { suffix }])),
    created_at: moment(project.createdAt),
    updated_at: moment(project.updatedAt),
  });
  const found = async (id: string): Promise<Project> => {
    const project = await store.findProject(id);
    if (project === undefined) throw new Problem(404, `There is no project ${JSON.stringify(id)}.`);
    return project;
  };
  const audit = auditor(parts);

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
        await store.addProject(project, audit(source, "project.create", id, auditable(body)));
        await parts.changed();
        return json(shown(project), { status: 201, version: 1 });
      },
    }),
    route({
      method: "get",
      path: "/projects/{id}",
      summary: "A project",
      answers: { 200: answers.project },
      async handle({ id }) {
        const project = await found(id);
        return json(shown(project), { version: project.version });
      },
    }),
    route({
      method: "patch",
      path: "/projects/{id}",
      summary: "Change a project; what is left out stays, null takes away",
      body: requests.projectChange,
      answers: { 200: answers.project },
      async handle({ id, body, ifMatch, source }) {
        checkEndpointNames(body, parts.endpointNames());
        const before = await found(id);
        checkVersion(before, ifMatch);
        const isChanged = await store.changeProject(before, {
          ...(body.name !== undefined && { name: body.name }),
          ...(body.active !== undefined && { active: body.active }),
          rules: mergedRules(before.rules, body),
          ...(body.provider_keys !== undefined && {
            keys: await mergedKeys(before.keys, body.provider_keys, { parts, projectId: id }),
          }),
        }, audit(source, "project.update", id, auditable(body)));
        if (!isChanged) throw changedMeanwhile();
        await parts.changed();
        const after = await found(id);
        return json(shown(after), { version: after.version });
      },
    }),
    route({
      method: "delete",
      path: "/projects/{id}",
      summary: "Deactivate a project: its tokens are refused from the next request on",
      answers: { 204: undefined },
      async handle({ id, ifMatch, source }) {
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.active) {
          const entry = audit(source, "project.deactivate", id, { active: false });
          if (!await store.changeProject(before, { active: false }, entry)) throw changedMeanwhile();
          await parts.changed();
        }
        return new Response(null, { status: 204 });
      },
    }),
    route({
      method: "post",
      path: "/projects/{id}/delete",
      summary:
        "Delete a deactivated project and its tokens, if all of them are revoked; its usage stays under its id",
      answers: { 204: undefined },
      async handle({ id, ifMatch, source }) {
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.active) {
          throw new Problem(409, "The project is active: deactivate it before you delete it.");
        }
        await parts.flushed();
        const result = await store.deleteProject(
          before,
          audit(source, "project.delete", id, { name: before.name }),
        );
        if (result === "has tokens") {
          throw new Problem(
            409,
            "Some tokens of the project are not revoked: revoke them before you delete it.",
          );
        }
        if (result === "changed") throw changedMeanwhile();
        await parts.changed();
        return new Response(null, { status: 204 });
      },
    }),
    route({
      method: "post",
      path: "/projects/{id}/tokens/revoke",
      summary: "Revoke all tokens of a project",
      answers: { 200: answers.revocation },
      async handle({ id, source }) {
        await found(id);
        const { total, before } = await store.revokeTokens(
          id,
          audit(source, "project.revoke_tokens", id, {}),
        );
        await parts.changed();
        return json({ revoked_count: total - before, already_revoked_count: before, total_tokens: total });
      },
    }),
  ];
}

/** Provider keys as they are kept: sealed. */
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

/** Of a short key four characters would be too much of it. */
function shownSuffix(key: string): string {
  return key.length < 16 ? "" : suffixOf(key);
}
