import { type Field, field, fieldValue } from "../http1/fields.ts";
import type { OutgoingReply } from "../http1/message.ts";
import { headText } from "../http1/writer.ts";
import type { RequestHead } from "./request_head.ts";

/** How an answer goes onto its connection. */
export interface ReplyFraming {
  /** The head with its empty line. */
  readonly head: string;
  readonly hasBody: boolean;
  readonly chunked: boolean;
  /** The connection serves no further request. */
  readonly closes: boolean;
}

/** Decides the framing of an answer (RFC 9112, 6): its own length where it has one, else chunks, else the close. */
export function frameReply(
  { status, reason, fields, body }: OutgoingReply,
  { method, minor }: Pick<RequestHead, "method" | "minor">,
  { persistent }: { persistent: boolean },
): ReplyFraming {
  const framing: Field[] = [];
  const bodiless = status === 204 || status === 304;
  // RFC 9110, 8.6: a 204 has no length; a client that believed one would eat the next answer.
  const sent = status === 204 ? fields.filter(({ lower }) => lower !== "content-length") : fields;
  const hasLength = fieldValue(fields, "content-length") !== undefined;
  const untilClose = body !== null && !(body instanceof Uint8Array) && !hasLength && minor === 0;
  const chunked = body !== null && !(body instanceof Uint8Array) && !hasLength && minor === 1;
  if (chunked) framing.push(field("transfer-encoding", "chunked"));
  else if (!bodiless && !hasLength) {
    if (body instanceof Uint8Array) framing.push(field("content-length", String(body.length)));
    else if (body === null && method !== "HEAD") framing.push(field("content-length", "0"));
  }
  const closes = !persistent || untilClose;
  if (closes) framing.push(field("connection", "close"));
  return {
    head: headText(`HTTP/1.1 ${status} ${reason}`, [...sent, ...framing]),
    hasBody: body !== null && method !== "HEAD" && !bodiless,
    chunked,
    closes,
  };
}
