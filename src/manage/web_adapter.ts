/** Between the server's plain values and the web's Request and Response, which the router speaks. */

import type { Cancellation } from "../cancellation.ts";
import type { Clock } from "../clock.ts";
import type { ByteSource } from "../http1/body.ts";
import { concat } from "../http1/bytes.ts";
import { field } from "../http1/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../http1/message.ts";
import { Problem } from "./problem.ts";

/** Nothing that is managed is longer. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Those of answers that bring none of their own. */
const REASONS: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 204: "No Content" };

/** A body takes no longer than this to come. */
const BODY_MS = 10_000;
/** What the routes answer; the web's Request knows no TRACE. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];

/** Throws a {@link Problem} for what is no request of the API's, and what the body throws where the client breaks off. */
export async function toWebRequest(
  { method, target, fields, body }: IncomingRequest,
  clock: Clock,
): Promise<Request> {
  const path = target.startsWith("/") ? target : URL.canParse(target) ? pathOf(new URL(target)) : undefined;
  if (path === undefined || !METHODS.includes(method)) {
    throw new Problem(400, "Nothing like that is asked here.");
  }
  const headers = new Headers();
  for (const { name, value } of fields) headers.append(name, value);
  const bytes = body === null ? new Uint8Array() : await withinTime(readBody(body), clock);
  const hasBody = bytes.length > 0 && method !== "GET" && method !== "HEAD";
  return new Request(new URL(`http://llm-proxy${path}`), {
    // A HEAD is a GET whose body is not sent.
    method: method === "HEAD" ? "GET" : method,
    headers,
    ...(hasBody && { body: new Blob([bytes.slice()]) }),
  });
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

async function readBody(body: ByteSource): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    length += piece.length;
    if (length > MAX_BODY_BYTES) {
      throw new Problem(413, "The body is too long for anything that is managed here.");
    }
    pieces.push(piece.slice());
  }
  return concat(pieces);
}

async function withinTime<Value>(promise: Promise<Value>, clock: Clock): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = clock.after(BODY_MS, () => reject(new Problem(400, "The body did not come in time.")));
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop();
    // It may still break off when nobody waits for it any more.
    promise.catch(() => {});
  }
}

/** The answer; one that goes on is read as the client takes it, and ended with the client. */
export async function toReply(response: Response, cancellation: Cancellation): Promise<OutgoingReply> {
  const { status, headers, body } = response;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  return {
    status,
    reason: response.statusText || (REASONS[status] ?? ""),
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
