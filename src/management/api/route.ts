/** A route of the management API: what it takes, what it gives, and what it does, in one place. */

import type { Context } from "hono";
import * as v from "valibot";
import { Problem } from "./problem.ts";

/** The schema of an object. */
type Schema = v.GenericSchema;
/** Nothing. */
const EMPTY = v.object({});
type Empty = typeof EMPTY;

/** What a route is given. */
export interface Asked<Query extends Schema, Body extends Schema> {
  /** Out of the path. */
  readonly id: string;
  readonly query: v.InferOutput<Query>;
  readonly body: v.InferOutput<Body>;
  /** The version that an `if-match` demands; undefined: any. */
  readonly ifMatch: number | undefined;
  /** Where the request comes from. */
  readonly source: string;
}

/** One route. */
export interface Route<Query extends Schema = Schema, Body extends Schema = Schema> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** Like `/projects/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  /** By status; undefined: without a body. */
  readonly answers: Readonly<Record<number, Schema | undefined>>;
  /** The type of the answer, if it is not JSON alone. */
  readonly types?: readonly string[];
  readonly handle: (asked: Asked<Query, Body>) => Promise<Response>;
}

/** A route whose parts fit together. */
export function route<Query extends Schema = Empty, Body extends Schema = Empty>(
  definition: Route<Query, Body>,
): Route {
  // What is validated by its own schemas is what its handler takes; a list of routes cannot say so.
  return definition as unknown as Route;
}

/** An answer in JSON. `version` becomes the ETag. */
export function json(
  body: unknown,
  { status = 200, version }: { status?: number; version?: number } = {},
): Response {
  return Response.json(body, {
    status,
    headers: { "cache-control": "no-store", ...(version !== undefined && { etag: `"${version}"` }) },
  });
}

/** Checks what a request brings and hands it to its route. Throws a {@link Problem}. */
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
  // What may be left out altogether may come without a type.
  if (text === "") return {};
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    throw new Problem(415, "The body has to be JSON, with content-type: application/json.");
  }
  const body = parsed(text);
  // The schemas would take a list for an object without members.
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "The body has to be a JSON object.");
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

/** `"3"` or `W/"3"`; `*` is any. */
function versionOf(etag: string | undefined): number | undefined {
  if (etag === undefined || etag === "*") return undefined;
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(etag) ?? [];
  // What was never an ETag of ours matches nothing.
  return version === undefined ? -1 : Number(version);
}
