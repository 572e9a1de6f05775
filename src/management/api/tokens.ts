/** Managed tokens. */

import { createTokenValue, hashOf, suffixOf } from "../../auth/token_value.ts";
import { type Project, type Store, StoreError, type Token } from "../../storage/store.ts";
import { createId } from "./create_id.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { checkEndpointNames } from "./endpoint_names.ts";
import { Problem } from "./problem.ts";
import { auditable, auditor, changedMeanwhile, checkVersion } from "./changes.ts";
import { json, type Route, route } from "./route.ts";
import { mergedRules, moment, momentOrNull, shownRules } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** More than a project has. */
const MOST_TOKENS = 100_000;
const MINUTE_MS = 60_000;

/** Their routes. */
export function tokenRoutes(parts: ManageParts): Route[] {
  const { store, clock } = parts;

  const shown = (token: Token) => ({
    id: token.id,
    project_id: token.projectId,
    name: token.name,
    active: token.active && token.revokedAt === undefined,
    state: stateOf(token, clock.epochMs()),
    token_suffix: token.suffix,
    ...shownRules(token.rules, { key: `token:${token.id}`, spentOf: parts.spent }),
    request_count: token.requestCount,
    last_used_at: momentOrNull(token.lastUsedAt),
    expires_at: momentOrNull(token.expiresAt),
    revoked_at: momentOrNull(token.revokedAt),
    previous_valid_until: momentOrNull(token.previous?.expiresAt),
    created_at: moment(token.createdAt),
    updated_at: moment(token.updatedAt),
  });
  const found = async (id: string): Promise<Token> => {
    await parts.flushed();
    const token = await store.findToken(id);
    if (token === undefined) throw new Problem(404, `There is no token ${JSON.stringify(id)}.`);
    return token;
  };
  const audit = auditor(parts);

  return [
    route({
      method: "get",
      path: "/tokens",
      summary: "Tokens, newest first",
      query: requests.tokensQuery,
      answers: { 200: answers.listOf(answers.token) },
      async handle({ query }) {
        await parts.flushed();
        const tokens = await store.listTokens({
          ...pageOf(query),
          projectId: query.project_id,
          activeAt: query.active_only ? clock.epochMs() : undefined,
        });
        return json(listBody(tokens, shown));
      },
    }),
    route({
      method: "post",
      path: "/tokens",
      summary: "Create a token; its value is in this answer and nowhere else",
      body: requests.tokenCreation,
      answers: { 201: answers.newToken },
      async handle({ body, source }) {
        checkEndpointNames(body, parts.endpointNames());
        const project = await store.findProject(body.project_id);
        if (project === undefined) {
          throw new Problem(400, `#/project_id: there is no project ${JSON.stringify(body.project_id)}`, {
            places: [{ pointer: "#/project_id", detail: "is no project" }],
          });
        }
        const now = clock.epochMs();
        const value = createTokenValue();
        const expiresAt = expiryOf(body, now);
        const token: Token = {
          id: createId("tok"),
          projectId: project.id,
          name: body.name ?? await freeName(store, project),
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
        await named(store.addToken(token, audit(source, "token.create", token.id, auditable(body))));
        await parts.changed();
        return json({ ...shown(token), token: value }, { status: 201, version: 1 });
      },
    }),
    route({
      method: "get",
      path: "/tokens/{id}",
      summary: "A token, without its value",
      answers: { 200: answers.token },
      async handle({ id }) {
        const token = await found(id);
        return json(shown(token), { version: token.version });
      },
    }),
    route({
      method: "patch",
      path: "/tokens/{id}",
      summary: "Change a token; what is left out stays, null takes away",
      body: requests.tokenChange,
      answers: { 200: answers.token },
      async handle({ id, body, ifMatch, source }) {
        checkEndpointNames(body, parts.endpointNames());
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.revokedAt !== undefined && body.active === true) {
          throw new Problem(409, "A revoked token stays revoked: create another one.");
        }
        const isChanged = await named(store.changeToken(before, {
          ...(body.name !== undefined && { name: body.name }),
          ...(body.active !== undefined && { active: body.active }),
          ...(body.expires_at !== undefined && {
            expiresAt: body.expires_at === null ? undefined : Date.parse(body.expires_at),
          }),
          rules: mergedRules(before.rules, body),
        }, audit(source, "token.update", id, auditable(body))));
        if (!isChanged) throw changedMeanwhile();
        await parts.changed();
        const after = await found(id);
        return json(shown(after), { version: after.version });
      },
    }),
    route({
      method: "delete",
      path: "/tokens/{id}",
      summary: "Revoke a token: it is refused from the next request on",
      answers: { 204: undefined },
      async handle({ id, ifMatch, source }) {
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.revokedAt === undefined) {
          const change = { revokedAt: clock.epochMs() };
          if (!await store.changeToken(before, change, audit(source, "token.revoke", id, {}))) {
            throw changedMeanwhile();
          }
          await parts.changed();
        }
        return new Response(null, { status: 204 });
      },
    }),
    route({
      method: "post",
      path: "/tokens/{id}/delete",
      summary: "Delete a revoked token; its usage stays under its id",
      answers: { 204: undefined },
      async handle({ id, ifMatch, source }) {
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.revokedAt === undefined) {
          throw new Problem(409, "The token is not revoked: revoke it before you delete it.");
        }
        const entry = audit(source, "token.delete", id, { name: before.name, project_id: before.projectId });
        if (!await store.deleteToken(before, entry)) throw changedMeanwhile();
        await parts.changed();
        return new Response(null, { status: 204 });
      },
    }),
    route({
      method: "post",
      path: "/tokens/{id}/rotate",
      summary: "Give a token a new value; the old one holds for an overlap. Its counts and limits go on",
      body: requests.rotation,
      answers: { 200: answers.newToken },
      async handle({ id, body, ifMatch, source }) {
        const before = await found(id);
        checkVersion(before, ifMatch);
        if (before.revokedAt !== undefined) {
          throw new Problem(409, "A revoked token stays revoked: create another one.");
        }
        const now = clock.epochMs();
        if (before.previous !== undefined && before.previous.expiresAt > now && body.overlap_minutes > 0) {
          const until = moment(before.previous.expiresAt);
          throw new Problem(
            409,
            `The value before the last rotation holds until ${until}; overlap_minutes = 0 ends it now.`,
          );
        }
        const value = createTokenValue();
        const overlapMs = body.overlap_minutes * MINUTE_MS;
        const isChanged = await store.changeToken(before, {
          hash: hashOf(value),
          suffix: suffixOf(value),
          previous: overlapMs === 0 ? undefined : { hash: before.hash, expiresAt: now + overlapMs },
        }, audit(source, "token.rotate", id, { ...body }));
        if (!isChanged) throw changedMeanwhile();
        await parts.changed();
        const after = await found(id);
        return json({ ...shown(after), token: value }, { version: after.version });
      },
    }),
  ];
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
  throw new Problem(400, "#/expires_at: is past", {
    places: [{ pointer: "#/expires_at", detail: "is past" }],
  });
}

function stateOf({ active, revokedAt, expiresAt }: Token, now: number) {
  if (revokedAt !== undefined) return "revoked";
  if (!active) return "inactive";
  return expiresAt !== undefined && expiresAt <= now ? "expired" : "active";
}

/** The project's name, with a number where another token has it. */
async function freeName(store: Store, { id, name }: Project): Promise<string> {
  const { items } = await store.listTokens({
    before: undefined,
    limit: MOST_TOKENS,
    projectId: id,
    activeAt: undefined,
  });
  const taken = new Set(items.filter(({ revokedAt }) => revokedAt === undefined).map((token) => token.name));
  for (let number = 2, free = name;; number++) {
    if (!taken.has(free)) return free;
    free = `${name} ${number}`;
  }
}

/** Two tokens of one name could not be told apart: says so where the store refuses it. */
async function named<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== "taken") throw error;
    throw new Problem(
      409,
      "The project has another token of that name that is not revoked: choose another name, or revoke that token.",
    );
  }
}
