/**
 * URLs in headers of a response. Clients open them with the token of the proxy: they follow redirects by
 * themselves, and SDKs poll the state of a job. The proxy replaces URLs of the upstream by URLs of the same
 * endpoint, and removes headers with other URLs.
 */

import { credentialHeader, KEY_PARAMETER, KEY_SUBPROTOCOL_PREFIX } from "../config/credential_places.ts";
import type { Field } from "../http/fields.ts";
import { joinPath, withoutParameter } from "../http/join_url.ts";
import { encodeLatin1 } from "../http/latin1.ts";
import { clientPath, isHttp, type UrlMapping } from "./client_url.ts";

/** A request, and the response to it, as far as URLs in its headers depend on them. */
export interface AnsweredRequest {
  readonly method: string;
  readonly fields: readonly Field[];
  /** The path after the name of the endpoint. */
  readonly apiPath: string;
  /** The raw query. */
  readonly query: string;
  readonly endpoint: string;
  readonly status: number;
}

/** Headers whose URLs clients open. All names are in lower case. */
const URL_FIELDS: ReadonlySet<string> = new Set([
  "location",
  "content-location",
  // The state of a job at Azure.
  "operation-location",
  "azure-asyncoperation",
  // The place for the bytes of a file at Google.
  "x-goog-upload-url",
  "x-goog-upload-control-url",
]);

/** The methods whose requests have no body, and change nothing. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** Redirects after which clients send the same method and body again. */
const SAME_METHOD: ReadonlySet<number> = new Set([307, 308]);
/** A URL that every reader understands in the same way. */
const PLAIN_URL = /^https?:\/\/[a-z\d.-]+(?::\d+)?(?:[/?#][\x21-\x5b\x5d-\x7e]*)?$/i;
const decoder = new TextDecoder();

/**
 * Replaces URLs in headers, and removes headers with URLs that must not get the token of the client. All
 * other headers stay. `request` is the request of the client, and the status of its response.
 */
export function withClientUrls(
  fields: readonly Field[],
  request: AnsweredRequest,
  mapping: () => UrlMapping,
): readonly Field[] {
  if (!fields.some(({ lower }) => URL_FIELDS.has(lower))) return fields;
  const known = mapping();
  return fields.flatMap((one) => {
    if (!URL_FIELDS.has(one.lower)) return [one];
    const value = clientValue(one, request, known);
    return value === undefined ? [] : [{ ...one, value }];
  });
}

/** The value of a header with a URL for the client. `undefined` if the client does not get the header. */
function clientValue(
  { lower, value }: Field,
  request: AnsweredRequest,
  mapping: UrlMapping,
): string | undefined {
  const { upstream, origin } = mapping;
  const text = /[\x80-\xff]/.test(value) ? decoder.decode(encodeLatin1(value)) : value;
  const url = URL.parse(text, upstream.origin + joinPath(upstream, request.apiPath));
  if (url === null) return undefined;
  const path = clientPath(url, upstream);
  if (path !== undefined) {
    const target = prefixFor(path.apiPath, request, mapping) + path.apiPath + path.search + url.hash;
    if (isPath(text, url)) return target;
    return origin && origin + target;
  }
  const isRedirect = lower === "location" && request.status >= 300 && request.status <= 399;
  if (!isRedirect || !keepsToken(request) || !isElsewhere(url, origin)) return undefined;
  return PLAIN_URL.test(value) ? value : url.href;
}

/** Whether a reference has no host. */
function isPath(reference: string, { protocol }: URL): boolean {
  return URL.parse(reference, `${protocol}//path.invalid/`)?.hostname === "path.invalid";
}

/**
 * The beginning of a path for the client. It is empty only if the client left out the name of the endpoint,
 * and asks for the same path with the same method again. Any other request without the name could go to
 * another endpoint.
 */
function prefixFor(
  apiPath: string,
  { method, status, endpoint, apiPath: requested }: AnsweredRequest,
  { prefix }: UrlMapping,
): string {
  const keepsMethod = SAFE_METHODS.has(method) || SAME_METHOD.has(status);
  const isSame = keepsMethod && withoutSlashes(apiPath) === withoutSlashes(requested);
  return prefix !== "" || isSame ? prefix : `/${endpoint}`;
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/**
 * Whether a client that follows a redirect to another host leaves its token and its body behind. fetch, curl
 * and HTTP libraries remove only the header `Authorization` on the way.
 */
function keepsToken({ method, fields, query }: AnsweredRequest): boolean {
  return SAFE_METHODS.has(method) && withoutParameter(query, KEY_PARAMETER) === query &&
    !fields.some(({ lower, value }) =>
      lower !== "authorization" && credentialHeader(lower) !== undefined ||
      lower === "sec-websocket-protocol" && value.includes(KEY_SUBPROTOCOL_PREFIX)
    );
}

/**
 * Whether a URL is on another host than the proxy. On another port of the same host, or on a host below it,
 * some clients still send the header `Authorization`.
 */
function isElsewhere(url: URL, origin: string | undefined): boolean {
  const own = URL.parse(origin ?? "")?.hostname;
  return own !== undefined && isHttp(url) && url.hostname !== own && !url.hostname.endsWith(`.${own}`);
}
