/** Routes of the management API: request schemas, response schemas, and the handler. */

import type { Context } from "hono";
import * as v from "valibot";
import { type Actor, scopeOf } from "../../people/actor.ts";
import type { Access } from "../../people/role.ts";
import type { Scope } from "../../people/scope.ts";
import type { Caller } from "./caller.ts";
import type { Identity } from "./identity.ts";
import type { ManageParts, RouteParts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { scopedParts } from "./scoped_parts.ts";
import { visible } from "./visible.ts";

/** A schema of a query, a body or a response. */
type Schema = v.GenericSchema;
/** The schema of a missing query or body. */
const EMPTY = v.object({});
type Empty = typeof EMPTY;

/** A validated request, as the handler of a route gets it. */
export interface RouteRequest<Query extends Schema = Schema, Body extends Schema = Schema> {
  /** The `{id}` of the path; empty if the path has none. */
  readonly id: string;
  /** The output of the route's query schema; an empty object if the route has no schema. */
  readonly query: v.InferOutput<Query>;
  /** The output of the route's body schema; an empty object if the route has no schema. */
  readonly body: v.InferOutput<Body>;
  /** The version in `if-match`; `undefined` if the client accepts any version. */
  readonly ifMatch: number | undefined;
  /** The IP address of the client, for the audit log. */
  readonly source: string;
  /** The client, for a route that checks a passphrase or a code. */
  readonly caller: Caller;
}

/** What the handler of a route with a query gets. */
export type QueryRequest<Query extends Schema> = RouteRequest<Query>;
/** What the handler of a route with a body gets. */
export type BodyRequest<Body extends Schema> = RouteRequest<Schema, Body>;

type Method = "get" | "post" | "patch" | "delete";

/** A route of the management API. */
export interface Route<Query extends Schema = Schema, Body extends Schema = Schema> {
  readonly method: Method;
  /** The path below the API, like `/projects/{id}`. */
  readonly path: string;
  /** What the route does, in one line of the OpenAPI document. */
  readonly summary: string;
  /** How far each role reaches. Without an entry for a role, the route does not compile. */
  readonly access: Access;
  /**
   * Whether a person must have proved who they are within the last minutes, because the request cannot be
   * undone; a function decides by the body.
   */
  readonly needsFreshSignIn?: boolean | ((body: v.InferOutput<Body>) => boolean);
  /** Validates the query. Without a schema, the route has no query. */
  readonly query?: Query;
  /** Validates the JSON body. Without a schema, the route has no body. */
  readonly body?: Body;
  /**
   * Response schemas by status; `undefined` for a response without a JSON body. A schema names the members
   * that a role may not see: see `visible.ts`.
   */
  readonly responses: Readonly<Record<number, Schema | undefined>>;
  /** Content types of the response; JSON by default. */
  readonly types?: readonly string[];
  /**
   * Answers a validated request, with what the actor reaches. A thrown {@link Problem} becomes the response.
   */
  readonly handle: (request: RouteRequest<Query, Body>, parts: RouteParts) => Promise<JsonReply | Response>;
}

/**
 * Makes a route whose handler has the types of its schemas. `place` is the method and the path, like
 * `get /projects/{id}`.
 */
export function route<Query extends Schema = Empty, Body extends Schema = Empty>(
  place: `${Method} /${string}`,
  definition: Omit<Route<Query, Body>, "method" | "path">,
): Route {
  const [method, path] = place.split(" ");
  // The schemas validate what the handler gets, but the type of a list of routes cannot express it.
  return { method, path, ...definition } as unknown as Route;
}

/** The JSON of a response, before the members are removed that the actor may not see. */
export interface JsonReply {
  readonly body: unknown;
  readonly status: number;
  /** The number of the last change, which becomes the ETag. */
  readonly version: number | undefined;
}

/** Makes a JSON response that no cache keeps. `version`, the number of the last change, becomes the ETag. */
export function json(
  body: unknown,
  { status = 200, version }: { status?: number; version?: number } = {},
): JsonReply {
  return { body, status, version };
}

/** How long a proof of who a person is counts for what cannot be undone, in milliseconds. */
const FRESH_MS = 10 * 60_000;

/**
 * Checks what the actor may do, validates the request, and calls the handler of its route with what the actor
 * reaches. Throws a {@link Problem} for a request that is not allowed or invalid.
 */
export async function runRoute(
  route: Route,
  context: Context,
  { caller, identity, parts }: { caller: Caller; identity: Identity; parts: ManageParts },
): Promise<Response> {
  const { query = EMPTY, body = EMPTY, needsFreshSignIn = false, handle } = route;
  reachOf(identity.actor, route);
  const read = checked(body, body === EMPTY ? {} : await readJson(context), { part: "" });
  // A client can send the last byte of the body seconds later, when it may do less or nothing any more.
  const actor = body === EMPTY ? identity.actor : await identity.again();
  if (actor === undefined) {
    throw new Problem(401, "Your session has ended, or your token was revoked, before the body arrived.");
  }
  const scope = reachOf(actor, route);
  if (needsFreshSignIn === true || needsFreshSignIn !== false && needsFreshSignIn(read)) {
    checkFresh(actor, parts.clock.epochMs());
  }
  const reply = await handle({
    id: context.req.param("id") ?? "",
    query: checked(query, context.req.query(), { part: "query" }),
    body: read,
    ifMatch: versionOf(context.req.header("if-match")),
    source: caller.source,
    caller,
  }, scopedParts(parts, { actor, scope }));
  return reply instanceof Response ? unseen(reply) : shown(route, reply, actor);
}

/** What an actor reaches at a route. Throws a {@link Problem} if their role may not use it. */
function reachOf(actor: Actor, { access }: Route): Scope {
  const scope = scopeOf(actor, access);
  if (scope === undefined) throw new Problem(403, `Your role, ${actor.role}, does not allow this.`);
  return scope;
}

/** Throws a {@link Problem} unless the actor proves with each request, or has proved lately, who they are. */
export function checkFresh({ provenAt }: Pick<Actor, "provenAt">, now: number): void {
  if (provenAt === undefined || now - provenAt < FRESH_MS) return;
  throw new Problem(403, "This cannot be undone. Sign in again to confirm that it is you.", {
    code: "sign_in_again",
  });
}

/** A response that is not JSON. JSON would pass without the check of its members. */
function unseen(response: Response): Response {
  if (response.headers.get("content-type")?.includes("json") !== true) return response;
  throw new Error("a handler made a JSON response by itself");
}

/** The response with the members that the actor may see. */
function shown({ method, path, responses }: Route, { body, status, version }: JsonReply, actor: Actor) {
  const schema = responses[status];
  if (schema === undefined) throw new Error(`${method} ${path} has no schema for ${status}`);
  return Response.json(visible(schema, body, actor.role), {
    status,
    headers: { "cache-control": "no-store", ...(version !== undefined && { etag: `"${version}"` }) },
  });
}

function checked(schema: Schema, value: unknown, { part }: { part: string }): unknown {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const places = result.issues.map((issue) => {
    const path = (issue.path ?? []).map(({ key }) => String(key).replaceAll("~", "~0").replaceAll("/", "~1"));
    return { pointer: ["#", ...(part === "" ? [] : [part]), ...path].join("/"), detail: issue.message };
  });
  const [first] = places;
  throw new Problem(400, `${first?.pointer}: ${first?.detail}`, { places });
}

async function readJson(context: Context): Promise<unknown> {
  const text = await context.req.text();
  // A body may be omitted, and then needs no content type.
  if (text === "") return {};
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    throw new Problem(415, "The body must be JSON, with content-type: application/json.");
  }
  const body = parsed(text);
  // The schemas would accept a list as an object without members.
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "The body must be a JSON object.");
  }
  return body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, "The body is not JSON.");
  }
}

/** The version of an ETag like `"3"` or `W/"3"`; `undefined` for `*`. */
function versionOf(etag: string | undefined): number | undefined {
  if (etag === undefined || etag === "*") return undefined;
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(etag) ?? [];
  // Other values are not ETags of this API, and match no version.
  return version === undefined ? -1 : Number(version);
}
