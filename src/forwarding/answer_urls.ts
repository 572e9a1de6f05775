/**
 * Absolute URLs of the provider in its answers, which a client opens with the token of the proxy: the results of
 * a batch at Anthropic, and the place for the upload of a file at Gemini. They lead to the proxy instead, and URLs
 * of other servers lead nowhere.
 */

import type { Dialect } from "../apis/dialects.ts";
import { recognisedPath } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import { KEY_PARAMETER } from "../config/credential_places.ts";
import type { BaseUrl } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import { versionedPath, withoutParameter } from "../http/join_url.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { ResultsUrls, unreadable } from "./results_urls.ts";

/** Where answers of an operation have URLs that clients open: in a header, or in the JSON of the body. */
export type UrlPlace = "header" | "body";

/** The base URL of a backend, and the one by which the client reaches it through the proxy. */
export interface UrlMapping {
  readonly upstream: BaseUrl;
  /**
   * Scheme, host and port of the proxy, with the prefix of the endpoint: `http://nas:33000/anthropic`.
   * `undefined` if the request does not state it, so that the client gets no URL.
   */
  readonly client: string | undefined;
}

/** The API whose clients open the URLs of a place. */
const DIALECTS: Readonly<Record<UrlPlace, Dialect>> = { body: "anthropic", header: "gemini" };

/** The place of URLs in responses to a path of an endpoint. `undefined` if they have none. */
export function urlPlace({ rest, endpoint: { dialect, rewriteUrls } }: {
  readonly rest: string;
  readonly endpoint: { readonly dialect: Dialect; readonly rewriteUrls: boolean };
}): UrlPlace | undefined {
  if (!rewriteUrls) return undefined;
  const place = factsOf(recognisedPath(rest).operation).urlsIn;
  return place !== undefined && DIALECTS[place] === dialect ? place : undefined;
}

/** The headers of Google's resumable uploads. */
const URL_FIELDS: ReadonlySet<string> = new Set(["x-goog-upload-url", "x-goog-upload-control-url"]);

/** Replaces the URLs of the upstream in headers, and removes headers with other URLs. All other headers stay. */
export function withClientUrls(fields: readonly Field[], mapping: UrlMapping): readonly Field[] {
  if (!fields.some(({ lower }) => URL_FIELDS.has(lower))) return fields;
  return fields.flatMap((one) => {
    if (!URL_FIELDS.has(one.lower)) return [one];
    const value = clientUrl(one.value, mapping);
    return value === undefined ? [] : [{ ...one, value }];
  });
}

/** A path that stays on its host in every reader of URLs. */
const PATH = /^\/(?![/\\])[\x21-\x7e]*$/;

/**
 * The URL by which the client reaches a URL of the upstream. `undefined` if the URL is not one of the
 * upstream.
 */
function clientUrl(url: string, { upstream, client }: UrlMapping): string | undefined {
  if (PATH.test(url)) return url;
  const { protocol, origin, pathname, search } = URL.parse(url) ?? {};
  // The origin of a `blob:` URL is that of the URL within it.
  const isOwn = (protocol === "http:" || protocol === "https:") &&
    origin === URL.parse(upstream.origin)?.origin;
  if (!isOwn || client === undefined || pathname === undefined) return undefined;
  // Some backends repeat the key of the request in the URL.
  const kept = withoutParameter(search?.slice(1) ?? "", KEY_PARAMETER);
  return `${client}${relativePath(pathname, upstream)}${kept === "" ? "" : `?${kept}`}`;
}

/** A path of the upstream without that of its base URL, but with its version. */
function relativePath(path: string, upstream: BaseUrl): string {
  return path.startsWith(`${upstream.path}/`) ? versionedPath(upstream, path) : path;
}

/** Fields that describe the bytes of the provider. Ranges of the changed body do not exist. */
const BYTE_FIELDS: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-md5",
  "digest",
  "etag",
  "repr-digest",
]);

/** The headers of an answer whose body changes. */
export function withoutByteFields(fields: readonly Field[]): readonly Field[] {
  return fields.filter(({ lower }) => !BYTE_FIELDS.has(lower));
}

/**
 * Replaces the URLs of the upstream in a JSON body, and other URLs by null. All other bytes stay. Throws `bad_gateway`
 * for a body that is compressed, or only a part: the proxy asked for neither.
 */
export function withClientUrlsInBody(
  { status, fields, body }: {
    readonly status: number;
    readonly fields: readonly Field[];
    readonly body: MessageBody | null;
  },
  mapping: UrlMapping,
): MessageBody | null {
  if (body === null) return null;
  if (contentCodingOf(fields) !== "identity") throw unreadable("it is compressed");
  if (status === 206) throw unreadable("it is only a part");
  return new ResultsUrls(body, (url) => clientUrl(url, mapping));
}
