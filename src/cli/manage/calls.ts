/** Calls of the management API that several commands make. */

import type * as v from "valibot";
import * as responses from "../../management/api/responses.ts";
import { CommandError } from "../command_error.ts";
import { type ManageClient, type ManageTarget, withManageClient } from "./client.ts";
import { type Options, textOf } from "./options.ts";

type Project = v.InferOutput<typeof responses.project>;
const PROJECTS = responses.listOf(responses.project);
/** The longest page of the API, in items. */
const PAGE = 1000;

/** Runs work with a client of the API that `--url` and `--config` name. */
export async function onApi(
  options: Options,
  work: (client: ManageClient) => Promise<void>,
  { creates = false, needsRunning = false, whenOff }: Pick<
    ManageTarget,
    "creates" | "needsRunning" | "whenOff"
  > = {},
): Promise<void> {
  const url = textOf(options, "url");
  const config = textOf(options, "config");
  const target: ManageTarget = {
    creates,
    needsRunning,
    whenOff,
    ...(url !== undefined && { url }),
    ...(config !== undefined && { config }),
  };
  await withManageClient(target, work);
}

/** The items of all pages of a list. */
export async function allOf<Item>(
  client: ManageClient,
  path: string,
  schema: v.GenericSchema<unknown, { data: Item[]; next_cursor: string | null }>,
  query: URLSearchParams = new URLSearchParams(),
): Promise<Item[]> {
  const items: Item[] = [];
  query.set("limit", String(PAGE));
  while (true) {
    const { data, next_cursor } = await client.call("GET", `${path}?${query}`, { schema });
    items.push(...data);
    if (next_cursor === null) return items;
    query.set("cursor", next_cursor);
  }
}

/** The project with an id or a name. Throws a {@link CommandError} if no project matches. */
export async function findProject(client: ManageClient, name: string): Promise<Project> {
  const projects = await allOf(client, "/projects", PROJECTS);
  const found = projects.find((project) => project.id === name || project.name === name);
  if (found !== undefined) return found;
  const known = projects.slice(0, 10).map((project) => project.name).join(", ");
  const hint = known === ""
    ? "There are no projects yet: llm-proxy project create NAME"
    : `The projects are ${known}.`;
  throw new CommandError(`There is no project ${JSON.stringify(name)}. ${hint}`);
}
