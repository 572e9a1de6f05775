/**
 * Absolute URLs of the provider in the bodies of its responses, which a client opens with the token of the
 * proxy: the results of a batch at Anthropic. The proxy replaces them by its own URLs, and URLs of other
 * servers by null.
 */

import type { Dialect } from "../apis/dialects.ts";
import { recognisedPath } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import type { Field } from "../http/fields.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { clientPath, type UrlMapping } from "./client_url.ts";
import { ResultsUrls, unreadable } from "./results_urls.ts";

/**
 * Where responses of an operation have URLs that clients open, besides their headers: in the JSON of the
 * body.
 */
export type UrlPlace = "body";

/** The API whose clients open the URLs of a place. */
const DIALECTS: Readonly<Record<UrlPlace, Dialect>> = { body: "anthropic" };

/** The place of URLs in responses to a path of an endpoint. `undefined` if they have none. */
export function urlPlace({ apiPath, endpoint: { dialect, rewriteUrls } }: {
  readonly apiPath: string;
  readonly endpoint: { readonly dialect: Dialect; readonly rewriteUrls: boolean };
}): UrlPlace | undefined {
  if (!rewriteUrls) return undefined;
  const place = factsOf(recognisedPath(apiPath).operation).urlsIn;
  return place !== undefined && DIALECTS[place] === dialect ? place : undefined;
}

/** A path that stays on its host in every reader of URLs. */
const PATH = /^\/(?![/\\])[\x21-\x7e]*$/;

/**
 * The URL by which the client reaches a URL of the upstream. `undefined` if the URL is not one of the
 * upstream.
 */
function clientUrl(text: string, { upstream, origin, prefix }: UrlMapping): string | undefined {
  if (PATH.test(text)) return text;
  const url = URL.parse(text);
  const path = url === null ? undefined : clientPath(url, upstream);
  return path && origin && origin + prefix + path.apiPath + path.search;
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

/** The headers of a response whose body changes. */
export function withoutByteFields(fields: readonly Field[]): readonly Field[] {
  return fields.filter(({ lower }) => !BYTE_FIELDS.has(lower));
}

/**
 * Replaces the URLs of the upstream in a JSON body, and other URLs by null. All other bytes stay. Throws
 * `bad_gateway` for a body that is compressed, or only a part: the proxy asked for neither.
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
