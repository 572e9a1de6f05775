/** The rest of an event stream that the proxy began before the upstream answered. */

import { operationOf } from "../apis/operation_of.ts";
import { ProxyFault } from "../faults.ts";
import { fieldValue } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { essenceOf, isEventStream } from "../payload/media_type.ts";
import { type MessageBody, nextPiece } from "../streams/byte_source.ts";
import { bodyOf, concat } from "../streams/bytes.ts";

/** The exchange that the reply belongs to. */
export interface LateReplyContext {
  /** The path after the name of the endpoint. */
  readonly apiPath: string;
  readonly request: { readonly method: string };
  /** Makes the proxy's error in the dialect of the client. */
  readonly fail: (error: unknown) => OutgoingReply;
}

/** The longest error of a provider that a client gets, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The bytes that follow the comments: the event stream of the reply. An error, and any other reply, becomes
 * one event `error`, because the status and the headers of the response were sent.
 */
export async function streamOf(reply: OutgoingReply, context: LateReplyContext): Promise<MessageBody> {
  const { status, fields, body } = reply;
  if (status === 200 && isEventStream(fields) && fieldValue(fields, "content-encoding") === undefined) {
    return body === null || body instanceof Uint8Array ? bodyOf(body ?? new Uint8Array()) : body;
  }
  // The exchange ends with the last byte, and its usage is counted by then.
  const text = await textOf(body);
  const error = status >= 400 ? errorIn(text) : undefined;
  return bodyOf(eventOf(error ?? ownError(reply, context), context));
}

/** Reads a body to its end. `undefined` if it is longer than {@link MAX_ERROR_BYTES} or broke off. */
async function textOf(body: OutgoingReply["body"]): Promise<string | undefined> {
  if (body === null) return "";
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
      length += piece.length;
      if (length <= MAX_ERROR_BYTES) pieces.push(piece.slice());
    }
  } catch {
    return undefined;
  }
  return length > MAX_ERROR_BYTES ? undefined : new TextDecoder().decode(concat(pieces));
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The error of a provider or of the proxy, if it is a JSON object. */
function errorIn(text: string | undefined): JsonObject | undefined {
  try {
    return recordOf(JSON.parse(text ?? ""));
  } catch {
    return undefined;
  }
}

function ownError({ status, fields }: OutgoingReply, context: LateReplyContext): JsonObject {
  const what = [essenceOf(fields), fieldValue(fields, "content-encoding")].filter((name) => name).join(", ");
  const message = status >= 400
    ? `The provider answered ${status}.`
    : `The provider answered ${status}${what === "" ? "" : ` with ${what}`}, and not with an event stream.`;
  const { body } = context.fail(
    new ProxyFault("bad_gateway", `${message} The response had begun already (keepalive_before_head).`),
  );
  return body instanceof Uint8Array ? errorIn(new TextDecoder().decode(body)) ?? {} : {};
}

/** One event `error`, as the SDKs of the dialect read it. */
function eventOf(error: JsonObject, { request: { method }, apiPath }: LateReplyContext): Uint8Array {
  const shape = operationOf(method, apiPath) === "responses" ? responsesEvent(error) : error;
  return new TextEncoder().encode(`event: error\ndata: ${JSON.stringify(shape)}\n\n`);
}

/** The event `error` of OpenAI's responses has the members of the error at its top. */
function responsesEvent(error: JsonObject): JsonObject {
  const { code = null, message = null, param = null } = recordOf(error["error"]) ?? error;
  return { type: "error", sequence_number: 0, code, message, param, ...error };
}

function recordOf(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    // A JSON object has only strings as keys.
    ? value as JsonObject
    : undefined;
}
