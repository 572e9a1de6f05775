/** `llm-proxy token …` */

import * as v from "valibot";
import { durationMs } from "../../config/values/durations.ts";
import * as responses from "../../management/api/responses.ts";
import { CommandError } from "../command_error.ts";
import { allOf, findProject, onApi } from "./calls.ts";
import type { ManageClient } from "./client.ts";
import { expiryBody, type Options, textOf } from "./options.ts";
import { dollars, rulesText, shortTime, showOne } from "./output.ts";
import { rulesBody } from "./rule_options.ts";
import { writeResult } from "../output.ts";
import { tableText } from "../table.ts";

/** `token list`, of all projects or of one. */
export async function listTokens(options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const query = new URLSearchParams();
    if (typeof options["project"] === "string") {
      query.set("project_id", (await findProject(client, options["project"])).id);
    }
    if (options["active"] === true) query.set("active_only", "true");
    const tokens = await allOf(client, "/tokens", responses.listOf(responses.token), query);
    writeResult(
      { data: tokens },
      () =>
        tokens.length === 0
          ? "There are no such tokens. To create one: llm-proxy token create NAME --project PROJECT\n"
          : tableText(
            [
              "id",
              "name",
              "ends in",
              "state",
              "requests",
              "spent this month",
              "last used",
              "expires",
              "limits",
            ],
            tokens.map((token) => [
              token.id,
              token.name,
              token.token_suffix,
              token.state,
              token.request_count,
              dollars(token.spent.month_micros),
              shortTime(token.last_used_at),
              shortTime(token.expires_at),
              rulesText(token),
            ]),
          ),
    );
  });
}

/** `token show`, which does not print the value of the token. */
export async function showToken(id: string, options: Options): Promise<void> {
  await onApi(
    options,
    async (client) =>
      showOne(await client.call("GET", pathOf(await findToken(client, id)), { schema: responses.token })),
  );
}

/** `token create`, which prints the value of the token once. */
export async function createToken(name: string, options: Options): Promise<void> {
  const rules = { ...rulesBody(options), ...expiryBody(textOf(options, "expires"), Date.now()) };
  await onApi(options, async (client) => {
    const { id: project_id } = await findProject(client, textOf(options, "project") ?? "");
    const body = { project_id, name, ...rules };
    showNewToken(await client.call("POST", "/tokens", { body, schema: responses.newToken }));
  });
}

/** `token update`, which changes only what the options name. */
export async function updateToken(id: string, options: Options): Promise<void> {
  if (options["activate"] === true && options["deactivate"] === true) {
    throw new CommandError("use either --activate or --deactivate, not both", 2);
  }
  const body = {
    ...(typeof options["name"] === "string" && { name: options["name"] }),
    ...(options["activate"] === true && { active: true }),
    ...(options["deactivate"] === true && { active: false }),
    ...rulesBody(options),
    ...expiryBody(textOf(options, "expires"), Date.now()),
  };
  await onApi(
    options,
    async (client) =>
      showOne(
        await client.call("PATCH", pathOf(await findToken(client, id)), { body, schema: responses.token }),
      ),
  );
}

/** `token revoke`, which cannot be undone. */
export async function revokeToken(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const token = await findToken(client, name);
    await client.call("DELETE", pathOf(token), { schema: v.null() });
    writeResult(
      { id: token.id, state: "revoked" },
      () => `${token.name} (${token.id}) is revoked. The proxy rejects it.\n`,
    );
  });
}

/** `token delete`, for a revoked token. */
export async function deleteToken(name: string, options: Options): Promise<void> {
  await onApi(options, async (client) => {
    const token = await findToken(client, name, { revoked: true });
    await client.call("POST", `${pathOf(token)}/delete`, { schema: v.null() });
    const { id } = token;
    writeResult(
      { id, state: "deleted" },
      () => `${token.name} (${id}) is deleted. Its usage is kept under this id.\n`,
    );
  });
}

/** `token rotate`, which prints the new value once. */
export async function rotateToken(id: string, options: Options): Promise<void> {
  const overlap = overlapMinutes(textOf(options, "overlap") ?? "1h");
  await onApi(options, async (client) => {
    const body = { overlap_minutes: overlap };
    showNewToken(
      await client.call("POST", `${pathOf(await findToken(client, id))}/rotate`, {
        body,
        schema: responses.newToken,
      }),
    );
  });
}

/** The value of `--overlap` in whole minutes, the unit of the API. */
function overlapMinutes(text: string): number {
  const minutes = durationMs(text, "m") / 60_000;
  if (Number.isInteger(minutes)) return minutes;
  throw new CommandError(
    `--overlap: ${JSON.stringify(text)} is not a duration in whole minutes, like 30m, 1h or 7d`,
    2,
  );
}

function showNewToken(token: v.InferOutput<typeof responses.newToken>): void {
  writeResult(token, () =>
    `${token.token}\n\n` +
    `The token of ${token.name} (${token.id}) is printed only this once. Clients use it as their API key.\n` +
    "To print the settings of a client: llm-proxy connect CLIENT --token TOKEN\n");
}

type ListedToken = v.InferOutput<typeof responses.token>;

/** The path of a token in the management API. */
function pathOf({ id }: ListedToken): string {
  return `/tokens/${id}`;
}

/**
 * Finds the token with an id or a name. If several tokens have the name, it means the token in use, or
 * with `revoked` the revoked token. Throws a {@link CommandError} if no token or more than one matches.
 */
async function findToken(
  client: ManageClient,
  name: string,
  { revoked = false }: { revoked?: boolean } = {},
): Promise<ListedToken> {
  const tokens = await allOf(client, "/tokens", responses.listOf(responses.token));
  const named = tokens.filter((token) => token.id === name || token.name === name);
  const isCandidate = (state: string): boolean =>
    revoked === (state === "revoked") && (revoked || state !== "expired");
  const inUse = named.filter(({ id, state }) => id === name || isCandidate(state));
  const found = inUse.length > 0 ? inUse : named;
  const [token] = found;
  if (token === undefined) throw new CommandError(`There is no token ${JSON.stringify(name)}.`);
  if (found.length === 1) return token;
  const ids = found.map(({ id, token_suffix }) => `${id} (ends in ${token_suffix})`).join(", ");
  throw new CommandError(`Several tokens have the name ${JSON.stringify(name)}. Use an id: ${ids}.`);
}
