/** "Try it" of the admin page: sends a request to an endpoint through the port of the page. */

import { field } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** The path of "Try it". The rest of the path is the path that a client would use. */
export const TRY_PATH = "/admin/try";

/**
 * Response headers that the page needs. Others are stripped: a cookie, for example, would get the origin of
 * the page.
 */
const KEPT_FIELDS: readonly string[] = [
  "content-type",
  "content-encoding",
  "content-length",
  "x-request-id",
  "x-llm-proxy-error",
  "retry-after",
];

/**
 * Headers that keep a response harmless if a browser opens it as a page: a download, without scripts and
 * origin.
 */
const TRY_HEADERS: Readonly<Record<string, string>> = {
  ...SECURITY_HEADERS,
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "content-disposition": "attachment",
  "cache-control": "no-store",
};

/**
 * Makes the client request for the endpoint, without the session cookie. Returns undefined for other
 * requests.
 */
export function clientRequest(request: IncomingRequest): IncomingRequest | undefined {
  const { method, target, fields } = request;
  if (method !== "POST" || !target.startsWith(`${TRY_PATH}/`)) return undefined;
  return {
    ...request,
    entry: "clients",
    target: target.slice(TRY_PATH.length),
    fields: fields.filter(({ lower }) => lower !== "cookie"),
  };
}

/** Makes the response for the page, with only the headers that it needs. */
export function pageReply({ status, reason, fields, body }: OutgoingReply): OutgoingReply {
  const kept = fields.filter(({ lower }) => KEPT_FIELDS.includes(lower));
  const own = Object.entries(TRY_HEADERS).map(([name, value]) => field(name, value));
  return { status, reason, fields: [...kept, ...own], body };
}
