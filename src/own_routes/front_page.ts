/** What a person sees who opens the proxy's address in a browser. Programs get what they always got. */

import { findCredentials } from "../auth/credential.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { adminOffHtml, type AdminPlace, frontHtml, STYLE_HASH } from "./page_html.ts";

/** What is looked at of a request. */
export interface FrontRequest {
  readonly method: string;
  readonly fields: readonly Field[];
  /** The path, and the query without its `?`. */
  readonly path: string;
  readonly query: string;
}

/** Where the admin page is while the management plane is off. */
const ADMIN_PATHS: readonly string[] = ["/admin", "/admin/"];

/**
 * The page for a browser that opens `/`, or `/admin` while the management plane is off, without a credential; undefined
 * for every other request. `adminPlace` is asked only where a page is the answer; undefined from it: the address may not
 * use the proxy, and gets no page. A page holds nothing of the request.
 */
export function answerFrontPage(
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
  if (isFront) return pageReply({ status: 200, reason: "OK", html: frontHtml(place) });
  return place.kind === "off"
    ? pageReply({ status: 404, reason: "Not Found", html: adminOffHtml() })
    : undefined;
}

/** Whether a browser asks in order to show a page: it asks for HTML by name, and does not say that a script asks. */
function showsPages(fields: readonly Field[]): boolean {
  // Over plain HTTP browsers send no field of this kind to other machines.
  const mode = fieldValue(fields, "sec-fetch-mode")?.toLowerCase();
  if (mode !== undefined && mode !== "navigate") return false;
  return (fieldValue(fields, "accept") ?? "").split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return type === "text/html" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** An `Authorization` of any scheme counts: a program that sends one is not a person who looks around. */
function hasCredential({ fields, query }: FrontRequest): boolean {
  return fields.some(({ lower }) => lower === "authorization" || lower === "proxy-authorization") ||
    findCredentials(fields, query).length > 0;
}

/** No script, no frame, nothing from elsewhere: the page is its own text and style. */
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

function pageReply({ html, ...line }: { status: number; reason: string; html: string }): OutgoingReply {
  return { ...line, fields: PAGE_FIELDS, body: new TextEncoder().encode(html) };
}
