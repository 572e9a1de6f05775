/**
 * Which web pages may use the proxy, by the CORS protocol of the Fetch standard. A page may use it if its
 * origin is listed.
 */

import { type Field, field, fieldValue } from "./fields.ts";
import type { OutgoingReply } from "./message.ts";
import { reasonPhrase } from "./reason_phrases.ts";

/** How long browsers may cache the response to a preflight request, in seconds. */
const MAX_AGE_SECONDS = 600;

/** Returns the origin of the page that sends a request. `undefined` if no allowed page sends it. */
export function allowedOrigin(fields: readonly Field[], origins: readonly string[]): string | undefined {
  if (origins.length === 0) return undefined;
  const origin = fieldValue(fields, "origin");
  if (origin === undefined) return undefined;
  if (origins.includes(origin)) return origin;
  return origins.includes("*") ? "*" : undefined;
}

/** Returns the response to a preflight request of a browser. `undefined` for any other request. */
export function preflightReply(
  method: string,
  fields: readonly Field[],
  origin: string,
): OutgoingReply | undefined {
  const wanted = fieldValue(fields, "access-control-request-method");
  if (method !== "OPTIONS" || wanted === undefined) return undefined;
  const headers = fieldValue(fields, "access-control-request-headers");
  const isPrivate = fieldValue(fields, "access-control-request-private-network") === "true";
  return {
    status: 204,
    reason: reasonPhrase(204),
    fields: [
      field("access-control-allow-origin", origin),
      field("access-control-allow-methods", wanted),
      ...(headers === undefined ? [] : [field("access-control-allow-headers", headers)]),
      ...(isPrivate ? [field("access-control-allow-private-network", "true")] : []),
      field("access-control-max-age", String(MAX_AGE_SECONDS)),
      field("vary", "origin, access-control-request-method, access-control-request-headers"),
    ],
    body: null,
  };
}

/** Adds the headers that let the page read a response. They replace the CORS headers of the provider. */
export function withCors(reply: OutgoingReply, origin: string): OutgoingReply {
  const kept = reply.fields.filter(({ lower }) => !lower.startsWith("access-control-"));
  return {
    ...reply,
    fields: [
      ...kept,
      field("access-control-allow-origin", origin),
      field("access-control-expose-headers", "*"),
      field("vary", "origin"),
    ],
  };
}
