/** Errors of the management API, as problem details (RFC 9457). */

import { type OwnStatus, reasonPhrase } from "../../http/reason_phrases.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { StoreError } from "../../storage/store.ts";

/** An error in a request, with its place as a JSON pointer: `#/limits/requests_per_minute`. */
export interface ProblemPlace {
  readonly pointer: string;
  readonly detail: string;
}

/** The status of a problem: an error that the management API responds with. */
type ProblemStatus = Exclude<OwnStatus, 200 | 201 | 202 | 204 | 303 | 499>;

/** The longest message, in characters. Messages quote names and ids of the request. */
const MAX_DETAIL = 800;

/**
 * An error that the API responds with. `message` goes to the client; control characters in it are escaped.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly places: readonly ProblemPlace[];
  readonly headers: Readonly<Record<string, string>>;
  /** Tells programs which problem it is; `undefined` if the status does. */
  readonly code: "sign_in_again" | undefined;

  constructor(
    status: ProblemStatus,
    detail: string,
    { places = [], headers = {}, code }: {
      places?: readonly ProblemPlace[];
      headers?: Readonly<Record<string, string>>;
      code?: "sign_in_again";
    } = {},
  ) {
    super(harmlessText(detail, MAX_DETAIL));
    this.status = status;
    this.places = places.map((place) => ({
      pointer: harmlessText(place.pointer, MAX_DETAIL),
      detail: harmlessText(place.detail, MAX_DETAIL),
    }));
    this.headers = headers;
    this.code = code;
  }
}

/** The problem to respond with for an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    if (error.kind === "taken") return new Problem(409, "The name is in use.");
    return new Problem(503, `The database failed: ${error.message}.`);
  }
  return new Problem(500, "The proxy failed to process the request. Its log has details.");
}

/**
 * Makes a handler that responds to an error with its problem. `onUnexpected` gets each error that the program
 * did not expect, whose response says nothing about it.
 */
export function problemHandler(onUnexpected: (error: unknown) => void): (error: unknown) => Response {
  return (error) => {
    const problem = problemOf(error);
    if (problem.status === 500) onUnexpected(error);
    return problemResponse(problem);
  };
}

/** Makes the response for a problem (RFC 9457). */
export function problemResponse({ status, message, places, headers, code }: Problem): Response {
  const body = {
    type: "about:blank",
    title: reasonPhrase(status),
    status,
    detail: message,
    ...(code !== undefined && { code }),
    ...(places.length > 0 && { errors: places }),
  };
  return new Response(JSON.stringify(body), {
    status,
    statusText: reasonPhrase(status),
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
