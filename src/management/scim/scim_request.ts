/** A request of a directory, and the responses to it. */

import type { DirectoryWriter } from "../../storage/directory_store.ts";
import { checkSchemas, etagOf } from "./user_resource.ts";
import { Projection } from "./projection.ts";
import { SCIM_TYPE, ScimError, wrong } from "./scim_error.ts";
import { MAX_RESULTS } from "./service_documents.ts";
import { listOf, type Members, membersOf } from "./values.ts";

const SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const DEFAULT_COUNT = 100;

/** A request of a directory whose token was checked. */
export class ScimRequest {
  readonly method: string;
  readonly writer: DirectoryWriter;
  readonly projection: Projection;
  readonly #request: Request;
  readonly #query: URLSearchParams;

  /** `query` is in the place of that of the URL. */
  constructor(
    request: Request,
    writer: DirectoryWriter,
    query: URLSearchParams = new URL(request.url).searchParams,
  ) {
    this.method = request.method;
    this.writer = writer;
    this.#request = request;
    this.#query = query;
    this.projection = new Projection({
      attributes: this.query("attributes"),
      excludedAttributes: this.query("excludedAttributes"),
    });
  }

  /** A parameter of the query; `undefined` if it is missing or empty. */
  query(name: string): string | undefined {
    const value = this.#query.get(name);
    return value === null || value === "" ? undefined : value;
  }

  /** The part of a list that the request asks for: `startIndex` begins with 1. */
  slice(): { readonly offset: number; readonly limit: number } {
    const start = this.#number("startIndex") ?? 1;
    const count = this.#number("count") ?? DEFAULT_COUNT;
    // Values below the least ones mean these (RFC 7644, 3.4.2.4).
    return { offset: Math.max(1, start) - 1, limit: Math.min(MAX_RESULTS, Math.max(0, count)) };
  }

  /** The JSON object of the body. */
  async body(): Promise<Members> {
    const type = this.#request.headers.get("content-type") ?? "";
    if (!/^application\/(?:scim\+)?json\b/i.test(type)) {
      throw new ScimError(415, `The body must be JSON, with content-type: ${SCIM_TYPE}.`);
    }
    let body: unknown;
    try {
      body = JSON.parse(await this.#request.text());
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw wrong("invalidSyntax", "The body is not JSON.");
    }
    return membersOf(body, "The body");
  }

  /** The request with the parameters of its body, which is a search (RFC 7644, 3.4.3). */
  async search(): Promise<ScimRequest> {
    const body = await this.body();
    checkSchemas(body, SEARCH_SCHEMA);
    const query = new URLSearchParams();
    for (const name of ["attributes", "excludedAttributes", "filter", "startIndex", "count"]) {
      const value = body.get(name.toLowerCase());
      if (value === undefined || value === null) continue;
      const parts = listOf(value);
      // The text of an object or of a list within a list can be endless, or an error.
      if (!parts.every((part) => typeof part === "string" || typeof part === "number")) {
        throw wrong("invalidValue", `${name} has a wrong type.`);
      }
      query.set(name, parts.join(","));
    }
    return new ScimRequest(this.#request, this.writer, query);
  }

  /** The version that the request expects. Throws a `412` error if the record has another one. */
  checkVersion(version: number): void {
    const wanted = this.#request.headers.get("if-match");
    if (wanted === null || wanted === "*" || isVersion(wanted, version)) return;
    throw new ScimError(412, "The record has been changed since you read it. Read it again.", {
      headers: { etag: etagOf(version) },
    });
  }

  /** The response with a resource. */
  resource(
    shown: Record<string, unknown>,
    { version, status = 200 }: { version: number; status?: 200 | 201 },
  ): Response {
    const { location } = shown["meta"] as { location: string };
    const known = this.#request.headers.get("if-none-match");
    const headers = { etag: etagOf(version), "cache-control": "no-store" };
    if (this.method === "GET" && known !== null && (known === "*" || isVersion(known, version))) {
      return new Response(null, { status: 304, headers });
    }
    return new Response(JSON.stringify(this.projection.of(shown)), {
      status,
      headers: { ...headers, "content-type": SCIM_TYPE, location },
    });
  }

  #number(name: string): number | undefined {
    const text = this.query(name);
    if (text === undefined) return undefined;
    if (/^-?\d{1,9}$/.test(text)) return Number(text);
    throw wrong("invalidValue", `${name} is not a number.`);
  }
}

/** The response with a list. */
export function listResponse(
  items: readonly Record<string, unknown>[],
  { total, offset }: { readonly total: number; readonly offset: number },
): Response {
  return document({
    schemas: [LIST_SCHEMA],
    totalResults: total,
    startIndex: offset + 1,
    itemsPerPage: items.length,
    Resources: items,
  });
}

/** The response with a document. */
export function document(body: unknown): Response {
  return new Response(JSON.stringify(body), {
    headers: { "content-type": SCIM_TYPE, "cache-control": "no-store" },
  });
}

function isVersion(etag: string, version: number): boolean {
  return etag.split(",").some((one) => one.trim().replace(/^W\//, "") === `"${version}"`);
}
