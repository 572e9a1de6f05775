/** Errors of SCIM (RFC 7644, 3.12). */

import { type OwnStatus, reasonPhrase } from "../../http/reason_phrases.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { problemOf } from "../api/problem.ts";

/** The content type of all responses. */
export const SCIM_TYPE = "application/scim+json";
const ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error";
/** The longest message, in characters. Messages quote what a directory sent. */
const MAX_DETAIL = 400;

/** What kind of error it is, in the words of RFC 7644. */
export type ScimType =
  | "invalidFilter"
  | "invalidPath"
  | "invalidSyntax"
  | "invalidValue"
  | "mutability"
  | "noTarget"
  | "tooMany"
  | "uniqueness";

/** An error that a directory gets. `message` goes to the directory. */
export class ScimError extends Error {
  override readonly name = "ScimError";
  readonly status: Exclude<OwnStatus, 200 | 201 | 202 | 204 | 303 | 499>;
  readonly scimType: ScimType | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ScimError["status"],
    detail: string,
    { scimType, headers = {} }: { scimType?: ScimType; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(harmlessText(detail, MAX_DETAIL));
    this.status = status;
    this.scimType = scimType;
    this.headers = headers;
  }
}

/** Makes an error for a wrong request, with the status `400`. */
export function wrong(scimType: ScimType, detail: string): ScimError {
  return new ScimError(400, detail, { scimType });
}

/** The response for an error. `onUnexpected` gets each error that the program did not expect. */
export function errorResponse(error: unknown, onUnexpected: (error: unknown) => void): Response {
  if (error instanceof ScimError) return responseOf(error);
  const { status, message, headers } = problemOf(error);
  if (status === 500) onUnexpected(error);
  return responseOf(new ScimError(status, message, { headers }));
}

function responseOf({ status, scimType, message, headers }: ScimError): Response {
  const body = {
    schemas: [ERROR_SCHEMA],
    // RFC 7644 has the status as text.
    status: String(status),
    ...(scimType !== undefined && { scimType }),
    detail: message,
  };
  return new Response(JSON.stringify(body), {
    status,
    statusText: reasonPhrase(status),
    headers: { "content-type": SCIM_TYPE, "cache-control": "no-store", ...headers },
  });
}
