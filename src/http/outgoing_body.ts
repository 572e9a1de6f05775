/** Bodies of messages that the proxy sends, with their framing (RFC 9112, 6). */

import type { ByteSource, MessageBody } from "../streams/byte_source.ts";

/** A body together with its framing. */
export type OutgoingBody =
  /** There is no body, and no field announces one. */
  | { readonly kind: "none" }
  /**
   * The response states a length, but has no body. Such responses are those to HEAD, a 205, a 304, and all
   * empty ones.
   */
  | { readonly kind: "omitted"; readonly length: number }
  | { readonly kind: "counted"; readonly length: number; readonly source: ByteSource }
  | { readonly kind: "chunked"; readonly source: ByteSource }
  /** The end of the connection ends the body. It is used for clients of HTTP/1.0. */
  | { readonly kind: "until close"; readonly source: ByteSource };

/** A body whose end the receiver notices without the end of the connection. */
export type DelimitedBody = Exclude<OutgoingBody, { readonly kind: "until close" }>;

const NO_BODY: DelimitedBody = { kind: "none" };

/**
 * Chooses the framing for a receiver that understands chunks: the length if it is known, and otherwise
 * chunks.
 */
export function framed(body: MessageBody | null): DelimitedBody {
  if (body === null) return NO_BODY;
  return body.length === undefined
    ? { kind: "chunked", source: body }
    : { kind: "counted", length: body.length, source: body };
}
