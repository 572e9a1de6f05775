/** Content codings (RFC 9110, 8.4.1) of bodies, and which of them the proxy can decode. */

import { type Field, fieldValue } from "../http/fields.ts";
import { type BodySource, readsBrotli } from "./brotli.ts";

const DECODED = ["gzip", "x-gzip", "deflate", "br", "zstd"] as const;
/** A content coding that the proxy can decode. */
export type DecodedCoding = typeof DECODED[number];

/**
 * Returns the content coding of a body in lower case. `identity` if it has none. Several codings stay a list
 * with commas.
 */
export function contentCodingOf(fields: readonly Field[]): string {
  return (fieldValue(fields, "content-encoding") ?? "identity").trim().toLowerCase();
}

/** Whether the proxy can now decode bodies of a sender with a content coding. */
export function canDecode(coding: string, source: BodySource): coding is DecodedCoding {
  const isKnown = DECODED.some((known) => known === coding);
  return isKnown && (coding !== "br" || readsBrotli(source));
}
