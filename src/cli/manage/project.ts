/** `llm-proxy project …` */

import * as v from "valibot";
import * as responses from "../../management/api/responses.ts";
import { allOf, findProject, onApi } from "./calls.ts";
import { keyFiles, keysBody, type Options } from "./options.ts";
import { dollars, rulesText, showOne } from "./output.ts";
import { rulesBody } from "./rule_options.ts";
import { writeResult } from "../output.ts";
import { shellWord } from "../../text/shell_word.ts";
import { tableText } from "../table.ts";

/** `project list`, with the spending of this month. */
export async function listProjects(options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const projects = await allOf(client, "/projects", responses.listOf(responses.project));
    writeResult(
      { data: projects },
      () =>
        projects.length === 0 ? "There are no projects yet: llm-proxy project create NAME\n" : tableText(
          ["id", "name", "active", "spent this month", "limits"],
          projects.map((project) => [
            project.id,
            project.name,
            project.active ? "yes" : "no",
            dollars(project.spent?.month_micros ?? 0),
            rulesText(project),
          ]),
        ),
    );
  });
}

/** `project show`, by name or id. */
export async function showProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => showOne(await findProject(client, name)));
}

/** `project create`, which also creates a missing database. */
export async function createProject(name: string, options: Options): Promise<void> {
  const body = { name, ...rulesBody(options), ...keysBody(keyFiles(options)) };
  await onApi(options, async (client) => {
    const project = await client.call("POST", "/projects", { body, schema: responses.project });
    writeResult(project, () =>
      `Created the project ${project.name} (${project.id}).\n` +
      `To create its first token: llm-proxy token create NAME --project ${shellWord(project.name)}\n`);
  }, { creates: true });
}

/** `project update`, which changes only what the options name. */
export async function updateProject(name: string, options: Options): Promise<void> {
  const body = {
    ...(typeof options["name"] === "string" && { name: options["name"] }),
    ...(options["activate"] === true && { active: true }),
    ...(options["deactivate"] === true && { active: false }),
    ...rulesBody(options),
    ...keysBody(keyFiles(options)),
  };
  await onApi(options, async (client) => {
    const { id } = await findProject(client, name);
    showOne(await client.call("PATCH", `/projects/${id}`, { body, schema: responses.project }));
  });
}

/** `project deactivate`: the proxy rejects the tokens of the project from the next request on. */
export async function deactivateProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id, name: full } = await findProject(client, name);
    await client.call("DELETE", `/projects/${id}`, { schema: v.null() });
    writeResult({ id, active: false }, () => `${full} is deactivated. The proxy rejects its tokens.\n`);
  });
}

/** `project delete`, for a deactivated project without valid tokens. */
export async function deleteProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id, name: full } = await findProject(client, name);
    await client.call("POST", `/projects/${id}/delete`, { schema: v.null() });
    writeResult({ id, state: "deleted" }, () => `${full} is deleted. Its usage is kept under ${id}.\n`);
  });
}

/** `project revoke-tokens`, which cannot be undone. */
export async function revokeProjectTokens(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id } = await findProject(client, name);
    const revoked = await client.call("POST", `/projects/${id}/tokens/revoke`, {
      schema: responses.revocation,
    });
    writeResult(
      revoked,
      () =>
        `Revoked: ${revoked.revoked_count}; already revoked: ${revoked.already_revoked_count}; total: ${revoked.total_tokens}.\n`,
    );
  });
}
