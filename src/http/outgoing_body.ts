/** Bodies of messages that the proxy sends, with their framing (RFC 9112, 6). */

import type { ByteSource, MessageBody } from "../streams/byte_source.ts";

/** A body together with its framing. */
export type OutgoingBody =
  /** No body, and no field that announces one. */
  | { readonly kind: "none" }
  /** A response that states a length and has no body: to HEAD, a 205, a 304, and every empty one. */
  | { readonly kind: "omitted"; readonly length: number }
  | { readonly kind: "counted"; readonly length: number; readonly source: ByteSource }
  | { readonly kind: "chunked"; readonly source: ByteSource }
  /** The end of the connection ends the body. For clients of HTTP/1.0. */
  | { readonly kind: "until close"; readonly source: ByteSource };

/** A body whose end the receiver notices while the connection stays open. */
export type DelimitedBody = Exclude<OutgoingBody, { readonly kind: "until close" }>;

const NO_BODY: DelimitedBody = { kind: "none" };

/** Chooses the framing for a receiver that understands chunks: the length where it is known, else chunks. */
export function framed(body: MessageBody | null): DelimitedBody {
  if (body === null) return NO_BODY;
  return body.length === undefined
    ? { kind: "chunked", source: body }
    : { kind: "counted", length: body.length, source: body };
}
