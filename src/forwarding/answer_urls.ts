/**
 * Absolute URLs of the provider in its answers, which a client opens with the token of the proxy: the results of
 * a batch at Anthropic, and the place for the upload of a file at Gemini. They lead to the proxy instead.
 */

import { recognisedPath } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import { KEY_PARAMETER } from "../config/credential_places.ts";
import type { BaseUrl } from "../config/config.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { versionedPath, withoutParameter } from "../http/join_url.ts";
import { decodeLatin1, encodeLatin1 } from "../http/latin1.ts";
import { essenceOf } from "../payload/media_type.ts";
import { concat } from "../streams/bytes.ts";
import { type MessageBody, nextPiece } from "../streams/byte_source.ts";
import { PulledSource } from "../streams/pulled_source.ts";

/** Where answers of an operation have URLs that clients open: in a header, or in the JSON of the body. */
export type UrlPlace = "header" | "body";

/** The base URL of a backend, and the one by which the client reaches it through the proxy. */
export interface UrlMapping {
  readonly upstream: BaseUrl;
  /** Scheme, host and port of the proxy, with the prefix of the endpoint: `http://nas:33000/anthropic`. */
  readonly client: string;
}

/** The place of URLs in answers to a path. Undefined: they have none. */
export function urlPlace(path: string): UrlPlace | undefined {
  return factsOf(recognisedPath(path).operation).urlsIn;
}

/** The headers of Google's resumable uploads. */
const URL_FIELDS: ReadonlySet<string> = new Set(["x-goog-upload-url", "x-goog-upload-control-url"]);

/** Replaces the URLs of the upstream in headers. All other headers stay. */
export function withClientUrls(fields: readonly Field[], mapping: UrlMapping): readonly Field[] {
  if (!fields.some(({ lower }) => URL_FIELDS.has(lower))) return fields;
  return fields.map((one) =>
    URL_FIELDS.has(one.lower) ? { ...one, value: clientUrl(one.value, mapping) } : one
  );
}

/** The URL by which the client reaches a URL of the upstream. Other URLs stay. */
function clientUrl(url: string, { upstream, client }: UrlMapping): string {
  if (!url.startsWith(`${upstream.origin}/`)) return url;
  const [target = ""] = url.slice(upstream.origin.length).split("#", 1);
  const end = target.indexOf("?");
  const path = end === -1 ? target : target.slice(0, end);
  const query = end === -1 ? "" : target.slice(end + 1);
  // Some backends repeat the key of the request in the URL.
  const kept = withoutParameter(query, KEY_PARAMETER);
  return `${client}${relativePath(path, upstream)}${kept === "" ? "" : `?${kept}`}`;
}

/** A path of the upstream without that of its base URL, but with its version. */
function relativePath(path: string, upstream: BaseUrl): string {
  return path.startsWith(`${upstream.path}/`) ? versionedPath(upstream, path) : path;
}

/** Longer bodies pass unchanged. A list of a thousand batches has 700 KB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A member of Anthropic's batches with its URL. Within a JSON string its quotes would be escaped. */
const URL_MEMBER = /("results_url"\s*:\s*")(https?:\/\/[^"\\]{1,2000})(?=")/g;

/**
 * Replaces the URLs of the upstream in a JSON body. All other bytes stay. Bodies that are compressed, not JSON
 * or longer than 4 MiB pass unchanged.
 */
export function withClientUrlsInBody(
  { fields, body }: { readonly fields: readonly Field[]; readonly body: MessageBody | null },
  mapping: UrlMapping,
): MessageBody | null {
  const isReadable = essenceOf(fields) === "application/json" &&
    fieldValue(fields, "content-encoding") === undefined;
  if (body === null || !isReadable || (body.length ?? 0) > MAX_BODY_BYTES) return body;
  let hasReplaced = false;
  const pull = async (): Promise<Uint8Array | null> => {
    if (hasReplaced) return await nextPiece(body);
    hasReplaced = true;
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (length <= MAX_BODY_BYTES) {
      const piece = await nextPiece(body);
      if (piece === null) return replaced(concat(pieces), mapping);
      // The piece is valid until the next one is read.
      pieces.push(piece.slice());
      length += piece.length;
    }
    return concat(pieces);
  };
  return new PulledSource(pull, { onCancel: () => body.cancel() });
}

function replaced(bytes: Uint8Array, mapping: UrlMapping): Uint8Array | null {
  if (bytes.length === 0) return null;
  const text = decodeLatin1(bytes);
  const changed = text.replaceAll(
    URL_MEMBER,
    (_, member: string, url: string) => member + clientUrl(url, mapping),
  );
  return changed === text ? bytes : encodeLatin1(changed);
}
