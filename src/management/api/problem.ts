/** Errors of the management API, as problem details (RFC 9457). */

import { harmlessText } from "../../text/harmless_text.ts";
import { StoreError } from "../../storage/store.ts";

/** One thing that is wrong with a request, and where it stands: `#/limits/requests_per_minute`. */
export interface ProblemPlace {
  readonly pointer: string;
  readonly detail: string;
}

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** A message quotes names and ids that were asked for. In characters. */
const MAX_DETAIL = 800;

/** A request that could not be done. `message` goes to the client; what it quotes is made harmless here. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: keyof typeof TITLES;
  readonly places: readonly ProblemPlace[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: keyof typeof TITLES,
    detail: string,
    { places = [], headers = {} }: {
      places?: readonly ProblemPlace[];
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(harmlessText(detail, MAX_DETAIL));
    this.status = status;
    this.places = places.map((place) => ({
      pointer: harmlessText(place.pointer, MAX_DETAIL),
      detail: harmlessText(place.detail, MAX_DETAIL),
    }));
    this.headers = headers;
  }
}

/** The problem that an error comes to. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    if (error.kind === "taken") return new Problem(409, "That name is taken.");
    return new Problem(503, `The database does not answer as it should: ${error.message}.`);
  }
  return new Problem(500, "The proxy failed on this request; its log says more.");
}

/** The answer to a problem. */
export function problemResponse({ status, message, places, headers }: Problem): Response {
  const body = {
    type: "about:blank",
    title: TITLES[status],
    status,
    detail: message,
    ...(places.length > 0 && { errors: places }),
  };
  return new Response(JSON.stringify(body), {
    status,
    statusText: TITLES[status],
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
