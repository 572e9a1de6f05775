/** Routes for passkeys. Only a browser at the admin page can add one: see `passkey_routes.ts`. */

import type { ListedPasskey } from "../../storage/passkey_store.ts";
import { OWN_OR_ALL } from "./access.ts";
import { auditor } from "./audit_entry.ts";
import { listBody, pageOf } from "./paging.ts";
import type { RouteParts } from "./parts.ts";
import { passkeyChange } from "./people_requests.ts";
import * as responses from "./people_responses.ts";
import { Problem } from "./problem.ts";
import { pageQuery } from "./requests.ts";
import { listOf } from "./responses.ts";
import {
  type BodyRequest,
  json,
  type JsonReply,
  type QueryRequest,
  type Route,
  route,
  type RouteRequest,
} from "./route.ts";
import { moment, momentOrNull } from "./rules.ts";

/** The routes at `/passkeys`. */
export const PASSKEY_ROUTES: readonly Route[] = [
  route("get /passkeys", {
    access: OWN_OR_ALL,
    summary: "Passkeys, newest first: yours, or those of all people for an administrator",
    query: pageQuery,
    responses: { 200: listOf(responses.passkey) },
    handle: listPasskeys,
  }),
  route("patch /passkeys/{id}", {
    access: OWN_OR_ALL,
    summary: "Rename a passkey",
    body: passkeyChange,
    responses: { 204: undefined },
    handle: renamePasskey,
  }),
  route("delete /passkeys/{id}", {
    access: OWN_OR_ALL,
    needsFreshSignIn: true,
    summary:
      "Remove a passkey, unless its person has no other way in; its sessions and the logins of commands by passkeys end",
    responses: { 204: undefined },
    handle: removePasskey,
  }),
];

async function listPasskeys(
  { query }: QueryRequest<typeof pageQuery>,
  { store }: RouteParts,
): Promise<JsonReply> {
  return json(listBody(await store.listPasskeys(pageOf(query)), shownPasskey));
}

async function renamePasskey(
  { id, body, source }: BodyRequest<typeof passkeyChange>,
  parts: RouteParts,
): Promise<Response> {
  const entry = auditor(parts)(source, "passkey.rename", id, body);
  if (!await parts.store.renamePasskey(id, body.name, entry)) throw unknown(id);
  return new Response(null, { status: 204 });
}

async function removePasskey({ id, source }: RouteRequest, parts: RouteParts): Promise<Response> {
  const entry = auditor(parts)(source, "passkey.remove", id, {});
  const outcome = await parts.store.removePasskey(id, entry);
  switch (outcome) {
    case "done":
      return new Response(null, { status: 204 });
    case "unknown":
      throw unknown(id);
    case "last way in":
      throw new Problem(409, "The person has no other way to sign in: disable or remove the person instead.");
    default:
      return outcome satisfies never;
  }
}

function unknown(id: string): Problem {
  return new Problem(404, `There is no passkey ${JSON.stringify(id)}.`);
}

function shownPasskey(passkey: ListedPasskey) {
  const { id, personId, personName, name, rpId, isSynced, blockedAt, createdAt, lastUsedAt } = passkey;
  return {
    id,
    person_id: personId,
    person_name: personName,
    name,
    host: rpId,
    synced: isSynced,
    state: blockedAt === undefined ? "active" : "blocked",
    created_at: moment(createdAt),
    last_used_at: momentOrNull(lastUsedAt),
  };
}
