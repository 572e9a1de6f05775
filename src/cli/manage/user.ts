/** `llm-proxy user …` */

import * as v from "valibot";
import { ROLES } from "../../people/role.ts";
import * as people from "../../management/api/people_responses.ts";
import { listOf } from "../../management/api/responses.ts";
import { CommandError } from "../command_error.ts";
import { writeResult } from "../output.ts";
import { tableText } from "../table.ts";
import { allOf, findProject, onApi } from "./calls.ts";
import type { ManageClient } from "./client.ts";
import { type Options, textOf } from "./options.ts";
import { shortTime } from "./output.ts";

type Person = v.InferOutput<typeof people.person>;

/** `user list`, of all people. */
export async function listUsers(options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const data = await allOf(client, "/people", listOf(people.person));
    writeResult(
      { data },
      () =>
        data.length === 0
          ? "There are no people yet. To add one: llm-proxy user add NAME --role member --project PROJECT\n"
          : tableText(
            ["id", "login", "name", "role", "projects", "state", "added"],
            data.map((person) => [
              person.id,
              person.login,
              person.name,
              person.role,
              person.projects === "all" ? "all" : person.projects.join(", ") || "-",
              person.disabled ? "disabled" : "active",
              shortTime(person.created_at),
            ]),
          ),
    );
  });
}

/** `user add`, which prints an invitation once. */
export async function addUser(login: string, options: Options): Promise<void> {
  const role = ROLES.find((one) => one === textOf(options, "role"));
  if (role === undefined) throw new CommandError(`--role: is not one of ${ROLES.join(", ")}`, 2);
  await onApi(options, async (client) => {
    const names = options["project"];
    const named = Array.isArray(names) ? names.map(String) : [];
    const projects: string[] = [];
    for (const name of named) projects.push((await findProject(client, name)).id);
    const body = {
      login,
      ...(typeof options["name"] === "string" && { name: options["name"] }),
      role,
      ...(options["allProjects"] === true ? { projects: "all" } : projects.length > 0 && { projects }),
    };
    const person = await client.call("POST", "/people", { body, schema: people.person });
    await showInvitation(client, person);
  }, { creates: true });
}

/** `user invite`, which prints another invitation once. */
export async function inviteUser(login: string, options: Options): Promise<void> {
  await onApi(options, async (client) => await showInvitation(client, await findPerson(client, login)));
}

/** `user disable` and `user enable` */
export async function switchUser(
  login: string,
  options: Options,
  { disabled }: { disabled: boolean },
): Promise<void> {
  await onApi(options, async (client) => {
    const { id } = await findPerson(client, login);
    const person = await client.call("PATCH", `/people/${id}`, { body: { disabled }, schema: people.person });
    const what = disabled
      ? "disabled. The proxy rejects their session and their tokens"
      : "enabled. Their tokens work again";
    writeResult(person, () => `${person.login} (${person.id}) is ${what}.\n`);
  });
}

/** `user remove`, which cannot be undone. */
export async function removeUser(login: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { id, login: name } = await findPerson(client, login);
    await client.call("DELETE", `/people/${id}`, { schema: v.null() });
    writeResult(
      { id, state: "removed" },
      () => `${name} (${id}) is removed, and their tokens are revoked. Their usage is kept under this id.\n`,
    );
  });
}

async function showInvitation(client: ManageClient, person: Person): Promise<void> {
  const made = await client.call("POST", `/people/${person.id}/invitation`, { schema: people.invitation });
  const link = made.urls[0] ?? made.path;
  writeResult({ ...person, invitation: made }, () =>
    `${link}\n\n` +
    (made.urls.length === 0
      ? "Put the address of the admin page before it, such as http://PROXY:33000.\n"
      : "") +
    `With this link, ${person.login} (${person.id}) sets a passphrase, once and until ` +
    `${shortTime(made.expires_at)} (UTC). It is printed only this once.\n`);
}

/** The person with an id or a login name. Throws a {@link CommandError} if no person matches. */
async function findPerson(client: ManageClient, login: string): Promise<Person> {
  const all = await allOf(client, "/people", listOf(people.person));
  const found = all.find((person) => person.id === login || person.login === login.toLowerCase());
  if (found !== undefined) return found;
  throw new CommandError(`There is no person ${JSON.stringify(login)}. To list all: llm-proxy user list`);
}
