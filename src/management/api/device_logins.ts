/** Routes by which a person confirms or refuses the login of a command on another machine. */

import { shownUserCode, typedUserCode } from "../../auth/device_code.ts";
import { hashOf } from "../../auth/token_value.ts";
import { addressGroup } from "../../network/ip_ranges.ts";
import type { DeviceLogin } from "../../storage/device_login_store.ts";
import { OWN } from "./access.ts";
import { auditor } from "./audit_entry.ts";
import * as schemas from "./device_responses.ts";
import type { RouteParts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { type BodyRequest, json, type JsonReply, type Route, route, type RouteRequest } from "./route.ts";
import { moment } from "./rules.ts";

/** The routes at `/device-logins`. */
export const DEVICE_LOGIN_ROUTES: readonly Route[] = [
  route("post /device-logins/find", {
    access: OWN,
    summary: "The login of a command that waits for a person, by the code that the command shows",
    body: schemas.userCode,
    responses: { 200: schemas.deviceLogin },
    handle: findLogin,
  }),
  route("post /device-logins/{id}/confirm", {
    access: OWN,
    needsFreshSignIn: true,
    summary: "Give the command a management token that may do what you may do",
    responses: { 204: undefined },
    handle: confirmLogin,
  }),
  route("post /device-logins/{id}/refuse", {
    access: OWN,
    summary: "Refuse the login of a command",
    responses: { 204: undefined },
    handle: refuseLogin,
  }),
];

async function findLogin(
  { body, caller }: BodyRequest<typeof schemas.userCode>,
  parts: RouteParts,
): Promise<JsonReply> {
  checkPerson(parts);
  const { store, actor, clock, guesses } = parts;
  const code = typedUserCode(body.user_code);
  const hash = hashOf(code);
  const name = `codes of ${actor.id}`;
  guesses.checkWait(caller, { isGuess: true, name });
  const now = clock.epochMs();
  const login = await store.findDeviceLogin({ userHash: hash }, now);
  if (login === undefined) {
    guesses.recordGuess(caller, { hash: hash.toBase64(), attempt: "user_code", name });
    throw new Problem(404, "No command waits with this code. Compare it: it is valid for ten minutes.");
  }
  return json({
    id: login.id,
    user_code: shownUserCode(code),
    machine: login.machine,
    address: login.address,
    same_address: login.addressGroup === addressGroup(caller.source),
    created_at: moment(login.createdAt),
    expires_at: moment(login.expiresAt),
    role: actor.role,
    project_names: await projectNames(parts),
    token_expires_at: moment(now + login.lifetimeMs),
  });
}

async function confirmLogin({ id, source }: RouteRequest, parts: RouteParts): Promise<Response> {
  const login = await waitingLogin(id, parts);
  const { actor, clock, store } = parts;
  const personId = actor.kind === "person" ? actor.id : undefined;
  const entry = auditor(parts)(source, "device_login.confirm", id, changesOf(login));
  const { name, sessionId } = actor;
  const decision = { at: clock.epochMs(), personId, actor: name, sessionId };
  if (!await store.confirmDeviceLogin(id, decision, entry)) throw gone();
  return new Response(null, { status: 204 });
}

async function refuseLogin({ id, source }: RouteRequest, parts: RouteParts): Promise<Response> {
  const login = await waitingLogin(id, parts);
  const entry = auditor(parts)(source, "device_login.refuse", id, changesOf(login));
  if (!await parts.store.refuseDeviceLogin(id, entry.at, entry)) throw gone();
  return new Response(null, { status: 204 });
}

async function waitingLogin(id: string, parts: RouteParts): Promise<DeviceLogin> {
  checkPerson(parts);
  const login = await parts.store.findDeviceLogin({ id }, parts.clock.epochMs());
  if (login === undefined) throw gone();
  return login;
}

/**
 * Throws a {@link Problem} unless a person at the admin page sent the request: a token could otherwise make
 * another one before it expires, and so on for ever.
 */
function checkPerson({ actor: { sessionId } }: RouteParts): void {
  if (sessionId !== undefined) return;
  throw new Problem(403, "Only a person at the admin page can decide about the login of a command.");
}

function gone(): Problem {
  return new Problem(404, "The command does not wait any more: the code has expired, or it was used.");
}

function changesOf({ machine, address }: DeviceLogin): Record<string, unknown> {
  return { machine, requested_by: address };
}

/** The names of the projects of the actor; a deleted project has none. */
async function projectNames({ actor: { projects }, store }: RouteParts): Promise<"all" | string[]> {
  if (projects === "all") return "all";
  const names: string[] = [];
  for (const id of projects) {
    const project = await store.findProject(id);
    if (project !== undefined) names.push(project.name);
  }
  return names.sort();
}
