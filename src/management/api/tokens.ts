/** Routes for managed tokens. */

import { createTokenValue, hashOf, suffixOf } from "../../auth/token_value.ts";
import { tokenKey } from "../../principal.ts";
import { type Project, type Store, StoreError, type Token } from "../../storage/store.ts";
import { createId } from "./create_id.ts";
import { freeName } from "./free_name.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { resource } from "./resource.ts";
import { auditable } from "./audit_entry.ts";
import { json, type Route, route } from "./route.ts";
import { mergedRules, moment, momentOrNull, shownRules } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

const MINUTE_MS = 60_000;

/** Makes the routes at `/tokens`. */
export function tokenRoutes(parts: ManageParts): Route[] {
  const { store, clock } = parts;

  const shown = (token: Token) => ({
    id: token.id,
    project_id: token.projectId,
    name: token.name,
    active: token.active && token.revokedAt === undefined,
    state: stateOf(token, clock.epochMs()),
    token_suffix: token.suffix,
    ...shownRules(token.rules, {
      key: tokenKey({ tokenId: token.id, name: token.name }),
      spentOf: parts.spent,
    }),
    request_count: token.requestCount,
    last_used_at: momentOrNull(token.lastUsedAt),
    expires_at: momentOrNull(token.expiresAt),
    revoked_at: momentOrNull(token.revokedAt),
    previous_valid_until: momentOrNull(token.previous?.expiresAt),
    created_at: moment(token.createdAt),
    updated_at: moment(token.updatedAt),
  });
  const tokens = resource(parts, {
    name: "token",
    async read(id) {
      await parts.flushed();
      return await store.findToken(id);
    },
    shown,
  });

  return [
    route({
      method: "get",
      path: "/tokens",
      summary: "Tokens, newest first",
      query: requests.tokensQuery,
      answers: { 200: answers.listOf(answers.token) },
      async handle({ query }) {
        await parts.flushed();
        const listed = await store.listTokens({
          ...pageOf(query),
          projectId: query.project_id,
          activeAt: query.active_only ? clock.epochMs() : undefined,
        });
        return json(listBody(listed, shown));
      },
    }),
    route({
      method: "post",
      path: "/tokens",
      summary: "Create a token; only this response contains its value",
      body: requests.tokenCreation,
      answers: { 201: answers.newToken },
      async handle({ body, source }) {
        checkEndpointNames(body, parts.endpointNames());
        const project = await store.findProject(body.project_id);
        if (project === undefined) {
          throw new Problem(400, `#/project_id: there is no project ${JSON.stringify(body.project_id)}`, {
            places: [{ pointer: "#/project_id", detail: "is not a project" }],
          });
        }
        const now = clock.epochMs();
        const value = createTokenValue();
        const expiresAt = expiryOf(body, now);
        const id = createId("tok");
        const token: Token = {
          id,
          projectId: project.id,
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
        const entry = tokens.auditOf({ id, source })("create", auditable(body));
        await named(store.addToken(token, entry));
        await parts.changed();
        return json({ ...shown(token), token: value }, { status: 201, version: 1 });
      },
    }),
    route({
      method: "get",
      path: "/tokens/{id}",
      summary: "A token, without its value",
      answers: { 200: answers.token },
      handle: ({ id }) => tokens.respond(id),
    }),
    route({
      method: "patch",
      path: "/tokens/{id}",
      summary: "Change a token; omitted members stay, null removes a setting",
      body: requests.tokenChange,
      answers: { 200: answers.token },
      async handle(request) {
        const { body } = request;
        checkEndpointNames(body, parts.endpointNames());
        return await tokens.update(request, (before, audit) => {
          if (body.active === true) checkNotRevoked(before);
          return named(store.changeToken(before, {
            ...(body.name !== undefined && { name: body.name }),
            ...(body.active !== undefined && { active: body.active }),
            ...(body.expires_at !== undefined && {
              expiresAt: body.expires_at === null ? undefined : Date.parse(body.expires_at),
            }),
            rules: mergedRules(before.rules, body),
          }, audit("update", auditable(body))));
        });
      },
    }),
    route({
      method: "delete",
      path: "/tokens/{id}",
      summary: "Revoke a token; it is rejected from the next request on",
      answers: { 204: undefined },
      handle: (request) =>
        tokens.remove(request, (before, audit) => {
          if (before.revokedAt !== undefined) return undefined;
          return store.changeToken(before, { revokedAt: clock.epochMs() }, audit("revoke", {}));
        }),
    }),
    route({
      method: "post",
      path: "/tokens/{id}/delete",
      summary: "Delete a revoked token; its usage is kept under its id",
      answers: { 204: undefined },
      handle: (request) =>
        tokens.remove(request, (before, audit) => {
          if (before.revokedAt === undefined) {
            throw new Problem(409, "The token is not revoked: revoke it before you delete it.");
          }
          const { name, projectId } = before;
          return store.deleteToken(before, audit("delete", { name, project_id: projectId }));
        }),
    }),
    route({
      method: "post",
      path: "/tokens/{id}/rotate",
      summary: "Give a token a new value; the old value is valid for an overlap. Counts and limits continue",
      body: requests.rotation,
      answers: { 200: answers.newToken },
      async handle(request) {
        const { body } = request;
        const value = createTokenValue();
        const overlapMs = body.overlap_minutes * MINUTE_MS;
        return await tokens.update(request, (before, audit) => {
          checkNotRevoked(before);
          const now = clock.epochMs();
          if (before.previous !== undefined && before.previous.expiresAt > now && overlapMs > 0) {
            const until = moment(before.previous.expiresAt);
            throw new Problem(
              409,
              `The value before the last rotation is valid until ${until}; overlap_minutes = 0 ends it now.`,
            );
          }
          return store.changeToken(before, {
            hash: hashOf(value),
            suffix: suffixOf(value),
            previous: overlapMs === 0 ? undefined : { hash: before.hash, expiresAt: now + overlapMs },
          }, audit("rotate", { ...body }));
        }, { token: value });
      },
    }),
  ];
}

function checkNotRevoked({ revokedAt }: Token): void {
  if (revokedAt === undefined) return;
  throw new Problem(409, "A revoked token cannot be activated again: create a new token.");
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
async function defaultName(store: Store, { id, name }: Project): Promise<string> {
  const page = { before: undefined, limit: 1, projectId: id, activeAt: undefined };
  const [latest] = (await store.listTokens(page)).items;
  return await freeName(name, { latest: latest?.name, isUsed: (name) => store.isTokenNameUsed(id, name) });
}

/**
 * Responds with a 409 if the store rejects a change, because another valid token of the project has the name.
 */
async function named<Result>(change: Promise<Result>): Promise<Result> {
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
