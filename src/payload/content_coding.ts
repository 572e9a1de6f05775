/** Content codings (RFC 9110, 8.4.1) of bodies, and which of them the proxy can decode. */

import { type Field, fieldValue } from "../http/fields.ts";
import { type BodySource, readsBrotli } from "./brotli.ts";

const DECODED = ["gzip", "x-gzip", "deflate", "br", "zstd"] as const;
/** A content coding that the proxy can decode. */
export type DecodedCoding = typeof DECODED[number];

/**
 * The content coding of a body in lower case, `identity` without one. Several codings stay a comma-separated
 * list.
 */
export function contentCodingOf(fields: readonly Field[]): string {
  return (fieldValue(fields, "content-encoding") ?? "identity").trim().toLowerCase();
}

/** Whether the proxy can decode bodies of a sender with a content coding now. */
export function canDecode(coding: string, source: BodySource): coding is DecodedCoding {
  const isKnown = DECODED.some((known) => known === coding);
  return isKnown && (coding !== "br" || readsBrotli(source));
}
