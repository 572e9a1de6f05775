import { bodyOf } from "../streams/bytes.ts";
import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { OutgoingBody, OutgoingMessage } from "../http/writer.ts";
import type { RequestHead } from "./request_head.ts";

/** How an answer goes onto its connection. */
export interface FramedReply {
  readonly message: OutgoingMessage;
  /** The connection serves no further request. */
  readonly closes: boolean;
}

/** Decides the framing of an answer (RFC 9112, 6): its own length where it has one, else chunks, else the close. */
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
  // RFC 9110, 8.6: a 204 has no length; a client that believed one would eat the next answer.
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
