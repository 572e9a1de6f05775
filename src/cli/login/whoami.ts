/** `llm-proxy whoami` */

import { self } from "../../management/api/people_responses.ts";
import { onApi } from "../manage/calls.ts";
import type { Options } from "../manage/options.ts";
import { projectsText, shortTime } from "../manage/output.ts";
import { writeResult } from "../output.ts";

/** Prints who makes the requests of commands, with the role, the projects and the end of the login. */
export async function whoami(options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const { url = null, login } = client.place;
    const found = await client.call("GET", "/me", { schema: self });
    const until = login?.expires_at ?? null;
    writeResult(
      { ...found, url, expires_at: until },
      () =>
        `${found.name}: ${found.role}, ${projectsText(found.projects)}\n` +
        (url === null ? "The command uses the database here.\n" : `The proxy is ${url}.\n`) +
        (until === null ? "" : `The login is valid until ${shortTime(until)} (UTC).\n`),
    );
  });
}
