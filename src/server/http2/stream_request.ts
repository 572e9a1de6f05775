import { takeFraming } from "../../http/framing.ts";
import { type HeadLimits, HeadTooLarge } from "../../http/head.ts";
import type { IncomingRequest } from "../../http/message.ts";
import { HttpSyntaxError } from "../../http/syntax_error.ts";
import { bodyOf } from "../../streams/bytes.ts";
import { checkHeadSize, parseRequestHead } from "../request_head.ts";
import type { RequestFields } from "./request_fields.ts";
import type { StreamBody } from "./stream_body.ts";

/** Methods whose requests state a length of 0 if they have no body (RFC 9110, 8.6). */
const STATES_EMPTY_BODY: readonly string[] = ["POST", "PUT", "PATCH"];
/** Methods whose bodies are dropped, or rejected if the request states their length. */
const WITHOUT_BODY: readonly string[] = ["GET", "HEAD"];

/** The members of an {@link IncomingRequest} that come from the frames of its stream. */
export type StreamRequest = Pick<IncomingRequest, "method" | "target" | "fields" | "body" | "knownBody">;

/**
 * Makes the request of a stream for the handler, by the rules of HTTP/1.1. `head` is `undefined` if the head
 * was longer than its limit. `body` is `undefined` if the head has ended the stream. Throws an
 * {@link HttpSyntaxError}.
 */
export function streamRequest(
  head: RequestFields | undefined,
  { body, limits }: { readonly body: StreamBody | undefined; readonly limits: HeadLimits },
): StreamRequest {
  if (head === undefined) throw new HeadTooLarge("more bytes than the limit");
  const { method, target, fields: received } = head;
  checkHeadSize(received, limits);
  const { fields, framing } = parseRequestHead({
    startLine: `${method} ${target} HTTP/1.1`,
    framing: takeFraming(received),
    fields: received,
  });
  const statesEmptyBody = framing.kind === "counted" && framing.length === 0;
  const empty = () => STATES_EMPTY_BODY.includes(method) ? bodyOf(new Uint8Array()) : null;
  if (WITHOUT_BODY.includes(method)) {
    if (framing.kind === "counted" && framing.length > 0) throw new HttpSyntaxError(`${method} with a body`);
    body?.cancel();
    return { method, target, fields, body: statesEmptyBody ? bodyOf(new Uint8Array()) : null };
  }
  if (body === undefined) {
    return { method, target, fields, body: statesEmptyBody ? bodyOf(new Uint8Array()) : empty() };
  }
  const knownBody = body.length === undefined
    ? async () => await body.hasContent() ? body : empty()
    : undefined;
  return { method, target, fields, body, knownBody };
}
