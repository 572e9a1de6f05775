/** The rules for the body of a response and its length. All servers of the proxy apply them. */

import { bodyOf } from "../streams/bytes.ts";
import type { OutgoingReply } from "./message.ts";
import { type DelimitedBody, framed, type OutgoingBody } from "./outgoing_body.ts";

const NONE: DelimitedBody = { kind: "none" };
const EMPTY: DelimitedBody = { kind: "omitted", length: 0 };

/** Whether a response has no body because of its method or its status (RFC 9110, 6.4.1 and 15.3.6). */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status < 200 || status === 204 || status === 205 || status === 304;
}

/**
 * Chooses the framing of a response to a request with this method: its body, the length of a body that is
 * left out, or neither. If the framing has no body, the caller has to discard the body of the reply.
 */
export function frameReply(
  { status, body, omittedLength }: Pick<OutgoingReply, "status" | "body" | "omittedLength">,
  method: string,
): DelimitedBody {
  if (!isBodiless(method, status)) {
    return body === null ? EMPTY : framed(body instanceof Uint8Array ? bodyOf(body) : body);
  }
  // These responses state no length (RFC 9110, 8.6). If they did, a client would read the next response as
  // the body.
  if (status < 200 || status === 204) return NONE;
  // A 205 states that it is empty (RFC 9110, 15.3.6). Without a length, a client of HTTP/1.1 would wait for a
  // body until the connection ends.
  if (status === 205) return EMPTY;
  // The length for a 304 cannot come from its body, because the response to a GET would have another body.
  const length = status === 304 ? omittedLength : omittedLength ?? body?.length;
  return length === undefined ? NONE : { kind: "omitted", length };
}

/** Returns the value of `content-length` for a framing. `undefined` if the response states no length. */
export function statedLength(framing: OutgoingBody): number | undefined {
  return framing.kind === "counted" || framing.kind === "omitted" ? framing.length : undefined;
}
