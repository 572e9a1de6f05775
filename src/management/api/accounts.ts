/** Routes for sessions of the admin page and for management tokens. */

import { createManagementTokenValue } from "../../auth/management_token_value.ts";
import { hashOf, suffixOf } from "../../auth/token_value.ts";
import type { Projects, TokenRole } from "../../people/role.ts";
import type { ManagementToken, ManagementTokenOf, SessionOf } from "../../storage/people_store.ts";
import type { Store } from "../../storage/store.ts";
import { ADMIN_ONLY, OWN_OR_ALL } from "./access.ts";
import { auditor } from "./audit_entry.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { RouteParts } from "./parts.ts";
import { checkedProjects } from "./people.ts";
import { managementTokenCreation } from "./people_requests.ts";
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

/** The routes at `/sessions` and `/management-tokens`. */
export const ACCOUNT_ROUTES: readonly Route[] = [
  route("get /sessions", {
    access: OWN_OR_ALL,
    summary: "Sessions of the admin page, newest first: yours, or all of them for an administrator",
    query: pageQuery,
    responses: { 200: listOf(responses.session) },
    handle: listSessions,
  }),
  route("delete /sessions/{id}", {
    access: OWN_OR_ALL,
    summary: "End a session",
    responses: { 204: undefined },
    handle: endSession,
  }),
  route("get /management-tokens", {
    access: OWN_OR_ALL,
    summary: "Tokens for this API, newest first: those of your commands, or all of them for an administrator",
    query: pageQuery,
    responses: { 200: listOf(responses.managementToken) },
    handle: listManagementTokens,
  }),
  route("post /management-tokens", {
    access: ADMIN_ONLY,
    needsFreshSignIn: true,
    summary: "Create a token for this API; only this response contains its value",
    body: managementTokenCreation,
    responses: { 201: responses.newManagementToken },
    handle: createManagementToken,
  }),
  route("delete /management-tokens/{id}", {
    access: OWN_OR_ALL,
    needsFreshSignIn: true,
    summary: "Revoke a token for this API; it is rejected from the next request on",
    responses: { 204: undefined },
    handle: revokeManagementToken,
  }),
];

async function listSessions(
  { query }: QueryRequest<typeof pageQuery>,
  { store, clock, sessionIdleMs, actor }: RouteParts,
): Promise<JsonReply> {
  const usedSince = clock.epochMs() - sessionIdleMs();
  const listed = await store.listSessions({ ...pageOf(query), usedSince });
  return json(listBody(listed, (session) => shownSession(session, actor.sessionId)));
}

async function endSession({ id, source }: RouteRequest, parts: RouteParts): Promise<Response> {
  const entry = auditor(parts)(source, "session.end", id, {});
  if (!await parts.store.endSession(id, entry)) {
    throw new Problem(404, `There is no session ${JSON.stringify(id)}.`);
  }
  parts.sessionEnded(id);
  return new Response(null, { status: 204 });
}

async function listManagementTokens(
  { query }: QueryRequest<typeof pageQuery>,
  { store, clock }: RouteParts,
): Promise<JsonReply> {
  const listed = await store.listManagementTokens(pageOf(query));
  return json(listBody(listed, (token) => shownManagementToken(token, clock.epochMs())));
}

async function createManagementToken(
  { body, source }: BodyRequest<typeof managementTokenCreation>,
  parts: RouteParts,
): Promise<JsonReply> {
  const { actor, clock } = parts;
  const store = parts.store.whole();
  const now = clock.epochMs();
  const expiresAt = body.expires_at == null ? undefined : Date.parse(body.expires_at);
  if (expiresAt !== undefined && expiresAt <= now) {
    throw new Problem(400, "#/expires_at: is in the past", {
      places: [{ pointer: "#/expires_at", detail: "is in the past" }],
    });
  }
  const value = createManagementTokenValue();
  const token: ManagementToken = {
    id: createId("mgt"),
    name: body.name,
    hash: hashOf(value),
    suffix: suffixOf(value),
    role: body.role,
    projects: await projectsOf(store, body),
    personId: undefined,
    expiresAt,
    lastUsedAt: undefined,
    madeBy: actor.name,
    makerId: actor.kind === "person" ? actor.id : actor.makerId,
    makerHasLeft: false,
    createdAt: now,
    revokedAt: undefined,
  };
  await store.addManagementToken(token, auditor(parts)(source, "management_token.create", token.id, body));
  return json({ ...shownManagementToken({ token, person: undefined }, now), token: value }, { status: 201 });
}

/** The projects of a new token. A token for a directory has none. */
async function projectsOf(
  store: Pick<Store, "findProject">,
  { role, projects }: { role: TokenRole; projects?: Projects | undefined },
): Promise<Projects> {
  if (role !== "scim") return await checkedProjects(store, { role, projects });
  if (projects === undefined || projects.length === 0) return [];
  const detail = "is not empty, and a token for a directory has no projects";
  throw new Problem(400, `#/projects: ${detail}`, { places: [{ pointer: "#/projects", detail }] });
}

async function revokeManagementToken({ id, source }: RouteRequest, parts: RouteParts): Promise<Response> {
  const entry = auditor(parts)(source, "management_token.revoke", id, {});
  if (!await parts.store.revokeManagementToken(id, entry)) {
    throw new Problem(404, `There is no management token ${JSON.stringify(id)}.`);
  }
  return new Response(null, { status: 204 });
}

function shownSession({ session, person }: SessionOf, current: string | undefined) {
  return {
    id: session.id,
    person_id: session.personId ?? null,
    person_name: person?.name ?? null,
    way: session.personId === undefined ? "management token" : session.way,
    current: session.id === current,
    created_at: moment(session.createdAt),
    last_used_at: moment(session.usedAt),
    confirmed_at: session.provenAt === 0 ? null : moment(session.provenAt),
    address: session.address,
    browser: session.browser,
  };
}

function shownManagementToken({ token, person }: ManagementTokenOf, now: number) {
  const { expiresAt, revokedAt, makerHasLeft } = token;
  const isExpired = expiresAt !== undefined && expiresAt <= now;
  return {
    id: token.id,
    name: token.name,
    role: person?.role ?? token.role,
    projects: person?.projects ?? token.projects,
    person_id: token.personId ?? null,
    token_suffix: token.suffix,
    state: revokedAt !== undefined
      ? "revoked"
      : isExpired
      ? "expired"
      : makerHasLeft
      ? "suspended"
      : "active",
    made_by: token.madeBy,
    expires_at: momentOrNull(expiresAt),
    last_used_at: momentOrNull(token.lastUsedAt),
    revoked_at: momentOrNull(revokedAt),
    created_at: moment(token.createdAt),
  };
}
