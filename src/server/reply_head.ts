import { bodyOf } from "../streams/bytes.ts";
import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { OutgoingBody, OutgoingMessage } from "../http/writer.ts";
import type { RequestHead } from "./request_head.ts";

/** A response, ready to be written to an HTTP/1.1 connection. */
export interface FramedReply {
  readonly message: OutgoingMessage;
  /** Whether the connection is closed after the response. */
  readonly closes: boolean;
}

/**
 * Frames a response (RFC 9112, 6): by its length if it is known, otherwise in chunks, or for HTTP/1.0 until
 * the close.
 */
export function frameReply(
  reply: OutgoingReply,
  request: Pick<RequestHead, "method" | "minor">,
  { persistent }: { persistent: boolean },
): FramedReply {
  const body = outgoingBody(reply, request);
  const closes = !persistent || body.kind === "until close";
  return {
    message: {
      startLine: `HTTP/1.1 ${reply.status} ${reply.reason}`,
      fields: closes ? [...reply.fields, field("connection", "close")] : reply.fields,
      body,
    },
    closes,
  };
}

function outgoingBody(
  { status, body, omittedLength }: OutgoingReply,
  { method, minor }: Pick<RequestHead, "method" | "minor">,
): OutgoingBody {
  // A 204 has no length (RFC 9110, 8.6). A client that believed a length would read the next response as its
  // body.
  if (status === 204) return { kind: "none" };
  if (method === "HEAD" || status === 304) {
    const length = omittedLength ?? body?.length;
    return length === undefined || status === 304 && omittedLength === undefined
      ? { kind: "none" }
      : { kind: "omitted", length };
  }
  if (body === null) return { kind: "omitted", length: 0 };
  if (body instanceof Uint8Array) return { kind: "counted", length: body.length, source: bodyOf(body) };
  if (body.length !== undefined) return { kind: "counted", length: body.length, source: body };
  return minor === 0 ? { kind: "until close", source: body } : { kind: "chunked", source: body };
}
