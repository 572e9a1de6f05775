/** Routes for managed tokens. */

import type * as v from "valibot";
import { createTokenValue, hashOf, suffixOf } from "../../auth/token_value.ts";
import { tokenKey } from "../../principal.ts";
import type { Project, Token } from "../../storage/access_store.ts";
import { StoreError } from "../../storage/store.ts";
import type { ScopedStore } from "./scoped_store.ts";
import { createId } from "./create_id.ts";
import { freeName } from "./free_name.ts";
import { listBody, pageOf } from "./paging.ts";
import type { RouteParts } from "./parts.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { type Resource, resource } from "./resource.ts";
import { auditable } from "./audit_entry.ts";
import {
  type BodyRequest,
  json,
  type JsonReply,
  type QueryRequest,
  type Route,
  route,
  type RouteRequest,
} from "./route.ts";
import { mergedRules, moment, momentOrNull, shownRules } from "./rules.ts";
import * as responses from "./responses.ts";
import * as requests from "./requests.ts";

const MINUTE_MS = 60_000;

/** The routes at `/tokens`. */
export const TOKEN_ROUTES: readonly Route[] = [
  route("get /tokens", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "projects" },
    summary: "Tokens, newest first",
    query: requests.tokensQuery,
    responses: { 200: responses.listOf(responses.token) },
    handle: listTokens,
  }),
  route("post /tokens", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "denied" },
    summary: "Create a token; only this response contains its value",
    body: requests.tokenCreation,
    responses: { 201: responses.newToken },
    handle: createToken,
  }),
  route("get /tokens/{id}", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "projects" },
    summary: "A token, without its value",
    responses: { 200: responses.token },
    handle: ({ id }, parts) => tokensOf(parts).respond(id),
  }),
  route("patch /tokens/{id}", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "denied" },
    summary: "Change a token; omitted members stay, null removes a setting",
    body: requests.tokenChange,
    responses: { 200: responses.token },
    handle: changeToken,
  }),
  route("delete /tokens/{id}", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "denied" },
    summary: "Revoke a token; it is rejected from the next request on",
    responses: { 204: undefined },
    handle: revokeToken,
  }),
  route("post /tokens/{id}/delete", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "denied" },
    summary: "Delete a revoked token; its usage is kept under its id",
    responses: { 204: undefined },
    handle: deleteToken,
  }),
  route("post /tokens/{id}/rotate", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "denied" },
    summary: "Give a token a new value; the old value is valid for an overlap. Counts and limits continue",
    body: requests.rotation,
    responses: { 200: responses.newToken },
    handle: rotateToken,
  }),
];

async function listTokens(
  { query }: QueryRequest<typeof requests.tokensQuery>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  await parts.flushed();
  const listed = await parts.store.listTokens({
    ...pageOf(query),
    projectId: query.project_id,
    ownerId: query.owner_id,
    activeAt: query.active_only ? parts.clock.epochMs() : undefined,
  });
  return json(listBody(listed, (token) => shownToken(token, parts)));
}

async function createToken(
  { body, source }: BodyRequest<typeof requests.tokenCreation>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  const { store, clock } = parts;
  checkEndpointNames(body, parts.endpointNames());
  const project = await store.findProject(body.project_id);
  if (project === undefined) {
    throw new Problem(400, `#/project_id: there is no project ${JSON.stringify(body.project_id)}`, {
      places: [{ pointer: "#/project_id", detail: "is not a project" }],
    });
  }
  const now = clock.epochMs();
  const expiresAt = expiryOf(body, now);
  const value = createTokenValue();
  const token: Token = {
    id: createId("tok"),
    projectId: project.id,
    ownerId: await ownerOf(parts, { ownerId: body.owner_id, project }),
    name: body.name ?? await defaultName(store, project),
    hash: hashOf(value),
    suffix: suffixOf(value),
    previous: undefined,
    active: body.active,
    revokedAt: undefined,
    expiresAt,
    rules: mergedRules({}, body),
    requestCount: 0,
    lastUsedAt: undefined,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  const audit = tokensOf(parts).auditOf({ id: token.id, source });
  await withFreeName(store.addToken(token, audit("create", auditable(body))));
  await parts.changed();
  return json({ ...shownToken(token, parts), token: value }, { status: 201, version: 1 });
}

async function changeToken(
  request: BodyRequest<typeof requests.tokenChange>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  const { body } = request;
  checkEndpointNames(body, parts.endpointNames());
  if (parts.scope.kind === "own") checkOwnChange(body);
  return await tokensOf(parts).update(request, async (before, audit) => {
    if (body.active === true) {
      checkNotRevoked(before);
      await checkOwner(before, parts);
    }
    return await withFreeName(parts.store.changeToken(before, {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.active !== undefined && { active: body.active }),
      ...(body.expires_at !== undefined && {
        expiresAt: body.expires_at === null ? undefined : Date.parse(body.expires_at),
      }),
      rules: mergedRules(before.rules, body),
    }, audit("update", auditable(body))));
  });
}

function revokeToken(request: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  const { store, clock } = parts;
  return tokensOf(parts).remove(request, (before, audit) => {
    if (before.revokedAt !== undefined) return undefined;
    return store.changeToken(before, { revokedAt: clock.epochMs() }, audit("revoke", {}));
  });
}

function deleteToken(request: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  return tokensOf(parts).remove(request, (before, audit) => {
    if (before.revokedAt === undefined) {
      throw new Problem(409, "The token is not revoked: revoke it before you delete it.");
    }
    const { name, projectId } = before;
    return parts.store.deleteToken(before, audit("delete", { name, project_id: projectId }));
  });
}

async function rotateToken(
  request: BodyRequest<typeof requests.rotation>,
  parts: RouteParts,
): Promise<JsonReply | Response> {
  const { store, clock } = parts;
  const { body } = request;
  const value = createTokenValue();
  const overlapMs = body.overlap_minutes * MINUTE_MS;
  return await tokensOf(parts).update(request, (before, audit) => {
    checkNotRevoked(before);
    const now = clock.epochMs();
    if (overlapMs > 0) checkNoOverlap(before, now);
    return store.changeToken(before, {
      hash: hashOf(value),
      suffix: suffixOf(value),
      previous: overlapMs === 0 ? undefined : { hash: before.hash, expiresAt: now + overlapMs },
    }, audit("rotate", { ...body }));
  }, { token: value });
}

/** Reads, responds with and changes tokens. */
function tokensOf(parts: RouteParts): Resource<Token> {
  return resource(parts, {
    name: "token",
    async read(id) {
      await parts.flushed();
      return await parts.store.findToken(id);
    },
    shown: (token) => shownToken(token, parts),
  });
}

/** A token in the form of the API, without its value. */
function shownToken(token: Token, { clock, spent }: RouteParts) {
  return {
    id: token.id,
    project_id: token.projectId,
    owner_id: token.ownerId ?? null,
    name: token.name,
    active: token.active && token.revokedAt === undefined,
    state: stateOf(token, clock.epochMs()),
    token_suffix: token.suffix,
    ...shownRules(token.rules, {
      key: tokenKey({ tokenId: token.id, name: token.name }),
      spentOf: spent,
    }),
    request_count: token.requestCount,
    last_used_at: momentOrNull(token.lastUsedAt),
    expires_at: momentOrNull(token.expiresAt),
    revoked_at: momentOrNull(token.revokedAt),
    previous_valid_until: momentOrNull(token.previous?.expiresAt),
    created_at: moment(token.createdAt),
    updated_at: moment(token.updatedAt),
  };
}

/**
 * The owner of a new token. A member owns what they make. Others may name a person who belongs to the
 * project. Throws a {@link Problem}.
 */
async function ownerOf(
  { scope, store }: RouteParts,
  { ownerId, project }: { ownerId: string | null | undefined; project: Project },
): Promise<string | undefined> {
  if (scope.kind === "own") {
    if (ownerId == null || ownerId === scope.owner) return scope.owner;
    throw noOwner(ownerId);
  }
  if (ownerId == null) return undefined;
  if (await store.mayOwn(ownerId, project.id)) return ownerId;
  throw noOwner(ownerId);
}

function noOwner(id: string): Problem {
  const detail = `no person of the project has the id ${JSON.stringify(id)}`;
  return new Problem(400, `#/owner_id: ${detail}`, { places: [{ pointer: "#/owner_id", detail }] });
}

/**
 * A member may rename a token of theirs or switch it off. Its limits, its end and its activation are for
 * those who gave it to them.
 */
function checkOwnChange(
  { name: _, active, ...others }: v.InferOutput<typeof requests.tokenChange>,
): void {
  if (active !== true && Object.values(others).every((value) => value === undefined)) return;
  throw new Problem(
    403,
    "Your role, member, may rename a token or deactivate it, and not change its limits.",
  );
}

/** Throws a {@link Problem} if the owner of a token may not use it now. */
async function checkOwner({ ownerId, projectId }: Token, { store }: RouteParts): Promise<void> {
  if (ownerId === undefined || await store.mayOwn(ownerId, projectId)) return;
  throw new Problem(409, "The owner of the token is disabled, or does not belong to its project.");
}

/** A token has at most one earlier value, so the one before the last rotation must have expired. */
function checkNoOverlap({ previous }: Token, now: number): void {
  if (previous === undefined || previous.expiresAt <= now) return;
  throw new Problem(
    409,
    `The value before the last rotation is valid until ${moment(previous.expiresAt)}; ` +
      "overlap_minutes = 0 ends it now.",
  );
}

function checkNotRevoked({ revokedAt }: Token): void {
  if (revokedAt === undefined) return;
  throw new Problem(409, "This token is revoked, which is permanent: create a new token.");
}

function expiryOf(
  { duration_minutes, expires_at }: {
    duration_minutes?: number | null | undefined;
    expires_at?: string | null | undefined;
  },
  now: number,
): number | undefined {
  if (duration_minutes != null) return now + duration_minutes * MINUTE_MS;
  if (expires_at == null) return undefined;
  const at = Date.parse(expires_at);
  if (at > now) return at;
  throw new Problem(400, "#/expires_at: is in the past", {
    places: [{ pointer: "#/expires_at", detail: "is in the past" }],
  });
}

function stateOf({ active, revokedAt, expiresAt }: Token, now: number) {
  if (revokedAt !== undefined) return "revoked";
  if (!active) return "inactive";
  return expiresAt !== undefined && expiresAt <= now ? "expired" : "active";
}

/** The name of the project as the default name of a token, with a number if another token has it. */
async function defaultName(store: ScopedStore, { id, name }: Project): Promise<string> {
  const page = { before: undefined, limit: 1, projectId: id, activeAt: undefined };
  const [latest] = (await store.listTokens(page)).items;
  return await freeName(name, { latest: latest?.name, isUsed: (name) => store.isTokenNameUsed(id, name) });
}

/**
 * Responds with a 409 if the store rejects a change, because another valid token of the project has the name.
 */
async function withFreeName<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== "taken") throw error;
    throw new Problem(
      409,
      "Another token of the project has this name and is not revoked: choose another name, or revoke it.",
    );
  }
}
