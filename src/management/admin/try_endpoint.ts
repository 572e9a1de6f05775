/** What "Try it" asks of an endpoint: it goes by the page's own port, where endpoints are not served otherwise. */

import { field } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** What follows it is the path that a client would ask for. */
export const TRY_PATH = "/admin/try";

/** Fields of an upstream's answer that the page needs; a cookie, for one, would be set for the page's own origin. */
const KEPT_FIELDS: readonly string[] = [
  "content-type",
  "content-encoding",
  "content-length",
  "x-request-id",
  "x-llm-proxy-error",
  "retry-after",
];

/** Where a browser is led to an answer all the same, it is text without scripts and without an origin. */
const TRY_HEADERS: Readonly<Record<string, string>> = {
  ...SECURITY_HEADERS,
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "content-disposition": "attachment",
  "cache-control": "no-store",
};

/** The request as a client would send it: without the page's session. Undefined: it is not for an endpoint. */
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

/** The answer as the page may see it. */
export function pageReply({ status, reason, fields, body }: OutgoingReply): OutgoingReply {
  const kept = fields.filter(({ lower }) => KEPT_FIELDS.includes(lower));
  const own = Object.entries(TRY_HEADERS).map(([name, value]) => field(name, value));
  return { status, reason, fields: [...kept, ...own], body };
}
