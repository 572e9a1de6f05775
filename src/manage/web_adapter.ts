/** Between the server's plain values and the web's Request and Response, which the router speaks. */

import type { Cancellation } from "../cancellation.ts";
import type { ByteSource } from "../http1/body.ts";
import { concat } from "../http1/bytes.ts";
import { field } from "../http1/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../http1/message.ts";

/** Nothing that is managed is longer. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Undefined: its body is too long. Throws where the client breaks off. */
export async function toWebRequest(
  { method, target, fields, body }: IncomingRequest,
): Promise<Request | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await body?.read(); piece; piece = await body?.read()) {
    length += piece.length;
    if (length > MAX_BODY_BYTES) return undefined;
    pieces.push(piece.slice());
  }
  const headers = new Headers();
  for (const { name, value } of fields) headers.append(name, value);
  const hasBody = length > 0 && method !== "GET" && method !== "HEAD";
  const path = target.startsWith("/") ? target : new URL(target).pathname;
  return new Request(new URL(path, "http://llm-proxy"), {
    method,
    headers,
    ...(hasBody && { body: new Blob([concat(pieces).slice()]) }),
  });
}

/** The answer; one that goes on is read as the client takes it, and ended with the client. */
export async function toReply(response: Response, cancellation: Cancellation): Promise<OutgoingReply> {
  const { status, headers, body } = response;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  return {
    status,
    reason: response.statusText,
    fields: [...headers].filter(([name]) => name !== "content-length").map(([name, value]) =>
      field(name, value)
    ),
    body: body === null ? null : isStream ? sourceOfStream(body, cancellation) : await response.bytes(),
  };
}

function sourceOfStream(stream: ReadableStream<Uint8Array>, cancellation: Cancellation): ByteSource {
  const reader = stream.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  cancellation.stopWith(cancel);
  return {
    tryRead: () => undefined,
    read: async () => (await reader.read()).value ?? null,
    cancel,
  };
}
