/**
 * The page for a browser that opens the address of the proxy. Programs get the plain response of the health
 * routes.
 */

import { findCredentials } from "../auth/credential.ts";
import { credentialHeader } from "../config/credential_places.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";
import { adminOffHtml, type AdminPlace, frontHtml, STYLE_HASH } from "./page_html.ts";

/** The parts of a request that decide whether it gets a page. */
export interface FrontRequest {
  readonly method: string;
  readonly fields: readonly Field[];
  readonly path: string;
  /** The raw query without its `?`. */
  readonly query: string;
}

/** Paths of the admin page. A browser gets a page there even if the management plane is off. */
const ADMIN_PATHS: readonly string[] = ["/admin", "/admin/"];

/**
 * Returns a page for a browser that opens `/` without a credential, or `/admin` while the management plane is
 * off. Returns `undefined` for other requests. `adminPlace` is called only before a page is sent. It returns
 * `undefined` if the address of the client may not use the proxy. The page contains nothing from the request.
 */
export function frontPageReply(
  request: FrontRequest,
  adminPlace: () => AdminPlace | undefined,
): OutgoingReply | undefined {
  const { method, fields, path } = request;
  const isFront = path === "/";
  if (!isFront && !ADMIN_PATHS.includes(path)) return undefined;
  if (method !== "GET" && method !== "HEAD" || !showsPages(fields) || hasCredential(request)) {
    return undefined;
  }
  const place = adminPlace();
  if (place === undefined) return undefined;
  if (isFront) return pageReply(200, frontHtml(place));
  return place.kind === "off" ? pageReply(404, adminOffHtml()) : undefined;
}

/** Whether a browser wants to show a page: it accepts HTML by name, and no script sent the request. */
function showsPages(fields: readonly Field[]): boolean {
  // Over plain HTTP browsers do not send this header to other machines.
  const mode = fieldValue(fields, "sec-fetch-mode")?.toLowerCase();
  if (mode !== undefined && mode !== "navigate") return false;
  return (fieldValue(fields, "accept") ?? "").split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return type === "text/html" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/**
 * Whether the request has a credential. An `Authorization` of any scheme counts: only programs send it here.
 */
function hasCredential({ fields, query }: FrontRequest): boolean {
  return fields.some(({ lower }) => credentialHeader(lower)?.form === "bearer") ||
    findCredentials(fields, query).length > 0;
}

/**
 * The headers of a page. Its policy allows the style of the page, and no scripts, frames or external
 * resources.
 */
const PAGE_FIELDS: readonly Field[] = [
  field("content-type", "text/html; charset=utf-8"),
  field("cache-control", "no-store"),
  field("vary", "accept, sec-fetch-mode"),
  field(
    "content-security-policy",
    `default-src 'none'; style-src '${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; ` +
      "frame-ancestors 'none'",
  ),
  field("cross-origin-opener-policy", "same-origin"),
  field("cross-origin-resource-policy", "same-origin"),
  field("referrer-policy", "no-referrer"),
  field("x-content-type-options", "nosniff"),
  field("x-frame-options", "DENY"),
];

function pageReply(status: number, html: string): OutgoingReply {
  return { status, reason: reasonPhrase(status), fields: PAGE_FIELDS, body: new TextEncoder().encode(html) };
}
