/** Routes of the management API: request schemas, response schemas, and the handler. */

import type { Context } from "hono";
import * as v from "valibot";
import { Problem } from "./problem.ts";

/** A schema of a query, a body or a response. */
type Schema = v.GenericSchema;
/** The schema of a missing query or body. */
const EMPTY = v.object({});
type Empty = typeof EMPTY;

/** A validated request, as the handler of a route gets it. */
export interface RouteRequest<Query extends Schema = Schema, Body extends Schema = Schema> {
  /** The `{id}` of the path; empty if the path has none. */
  readonly id: string;
  /** The validated query. */
  readonly query: v.InferOutput<Query>;
  /** The validated JSON body. */
  readonly body: v.InferOutput<Body>;
  /** The version in `if-match`; undefined: the client accepts any version. */
  readonly ifMatch: number | undefined;
  /** The address of the client. */
  readonly source: string;
}

/** A route of the management API. */
export interface Route<Query extends Schema = Schema, Body extends Schema = Schema> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** The path below the API, like `/projects/{id}`. */
  readonly path: string;
  /** One line for the OpenAPI document. */
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  /** Response schemas by status; undefined: a response without a JSON body. */
  readonly answers: Readonly<Record<number, Schema | undefined>>;
  /** Content types of the response; JSON by default. */
  readonly types?: readonly string[];
  readonly handle: (request: RouteRequest<Query, Body>) => Promise<Response>;
}

/** Makes a route whose handler has the types of its schemas. */
export function route<Query extends Schema = Empty, Body extends Schema = Empty>(
  definition: Route<Query, Body>,
): Route {
  // The schemas validate what the handler gets, but the type of a list of routes cannot express it.
  return definition as unknown as Route;
}

/** Makes a JSON response. `version` becomes the ETag. */
export function json(
  body: unknown,
  { status = 200, version }: { status?: number; version?: number } = {},
): Response {
  return Response.json(body, {
    status,
    headers: { "cache-control": "no-store", ...(version !== undefined && { etag: `"${version}"` }) },
  });
}

/**
 * Validates a request and calls the handler of its route. Throws a {@link Problem} for an invalid request.
 */
export async function runRoute(
  { query = EMPTY, body = EMPTY, handle }: Route,
  context: Context,
  source: string,
): Promise<Response> {
  return await handle({
    id: context.req.param("id") ?? "",
    query: checked(query, context.req.query(), { part: "query" }),
    body: checked(body, body === EMPTY ? {} : await readJson(context), { part: "" }),
    ifMatch: versionOf(context.req.header("if-match")),
    source,
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

/** The version of an ETag like `"3"` or `W/"3"`; undefined: `*`. */
function versionOf(etag: string | undefined): number | undefined {
  if (etag === undefined || etag === "*") return undefined;
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(etag) ?? [];
  // Other values are not ETags of this API, and match no version.
  return version === undefined ? -1 : Number(version);
}
