/** `llm-proxy project …` */

import * as v from "valibot";
import * as answers from "../../management/api/answers.ts";
import { allOf, findProject, onApi } from "./calls.ts";
import { keyFiles, keysBody, type Options, rulesBody } from "./options.ts";
import { dollars, rulesText, showOne } from "./output.ts";
import { writeAnswer } from "../output.ts";
import { tableText } from "../table.ts";

/** All of them. */
export async function listProjects(options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const projects = await allOf(client, "/projects", answers.listOf(answers.project));
    writeAnswer(
      { data: projects },
      () =>
        projects.length === 0 ? "There are no projects yet: llm-proxy project create NAME\n" : tableText(
          ["id", "name", "active", "spent this month", "limits"],
          projects.map((project) => [
            project.id,
            project.name,
            project.active ? "yes" : "no",
            dollars(project.spent.month_micros),
            rulesText(project),
          ]),
        ),
    );
  });
}

/** One, by its name or id. */
export async function showProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => showOne(await findProject(client, name)));
}

/** Makes one. */
export async function createProject(name: string, options: Options): Promise<void> {
  const body = { name, ...rulesBody(options), ...keysBody(keyFiles(options)) };
  await onApi(options, async (client) => {
    const project = await client.call("POST", "/projects", { body, answer: answers.project });
    writeAnswer(project, () =>
      `The project ${project.name} is made: ${project.id}\n` +
      `Its first token: llm-proxy token create NAME --project ${word(project.name)}\n`);
  }, { creates: true });
}

/** Changes what the options name. */
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
    showOne(await client.call("PATCH", `/projects/${id}`, { body, answer: answers.project }));
  });
}

/** Its tokens are refused from now on. */
export async function deactivateProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id, name: full } = await findProject(client, name);
    await client.call("DELETE", `/projects/${id}`, { answer: v.null() });
    writeAnswer({ id, active: false }, () => `${full} is deactivated: its tokens are refused from now on.\n`);
  });
}

/** Deletes a deactivated one and its revoked tokens. */
export async function deleteProject(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id, name: full } = await findProject(client, name);
    await client.call("POST", `/projects/${id}/delete`, { answer: v.null() });
    writeAnswer({ id, state: "deleted" }, () => `${full} is deleted. Its usage stays under ${id}.\n`);
  });
}

/** For good. */
export async function revokeProjectTokens(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id } = await findProject(client, name);
    const answer = await client.call("POST", `/projects/${id}/tokens/revoke`, { answer: answers.revocation });
    writeAnswer(
      answer,
      () =>
        `Revoked: ${answer.revoked_count}; revoked before: ${answer.already_revoked_count}; in all: ${answer.total_tokens}.\n`,
    );
  });
}

function word(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}
