import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { frameReply } from "../http/reply_framing.ts";
import type { OutgoingBody } from "../http/outgoing_body.ts";
import type { OutgoingMessage } from "../http/writer.ts";
import type { RequestHead } from "./request_head.ts";

/** A response, ready to be written to an HTTP/1.1 connection. */
export interface FramedReply {
  readonly message: OutgoingMessage;
  /** Whether the connection is closed after the response. */
  readonly closes: boolean;
}

/**
 * Makes the message of a response over HTTP/1. If a client of HTTP/1.0 gets a body of unknown length, the end
 * of the connection ends the body (RFC 9112, 6).
 */
export function replyMessage(
  reply: OutgoingReply,
  { method, minor }: Pick<RequestHead, "method" | "minor">,
  { persistent }: { persistent: boolean },
): FramedReply {
  const framing = frameReply(reply, method);
  const body: OutgoingBody = framing.kind === "chunked" && minor === 0
    ? { kind: "until close", source: framing.source }
    : framing;
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
