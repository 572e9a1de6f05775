/** Between the server's plain values and the web's Request and Response, which the router speaks. */

import type { Cancellation } from "../../cancellation.ts";
import type { Clock } from "../../time/clock.ts";
import { type ByteSource, type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { PulledSource } from "../../streams/pulled_source.ts";
import { checkedField } from "../../http/head.ts";
import { isFramingField } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import { Problem } from "./problem.ts";

/** Nothing that is managed is longer. */
const MAX_BODY_BYTES = 1024 * 1024;
/** A sign-in is read before anybody is known: it holds a token and nothing else. */
const MAX_SIGN_IN_BYTES = 4 * 1024;
const SIGN_IN = /\/session(?:\?|$)/;

/** Those of answers that bring none of their own. */
const REASONS: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 204: "No Content" };

/** Answers that go on, or are too long to be held; all others are sent whole, with their length. */
const STREAMED: readonly string[] = ["text/event-stream", "application/vnd.sqlite3"];

/** A body takes no longer than this to come. */
const BODY_MS = 10_000;
/** What the routes answer; the web's Request knows no TRACE. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];

/** Throws a {@link Problem} for what is no request of the API's. The body is not read until somebody asks for it. */
export function toWebRequest({ method, target, fields, body }: IncomingRequest, clock: Clock): Request {
  const path = target.startsWith("/") ? target : URL.canParse(target) ? pathOf(new URL(target)) : undefined;
  if (path === undefined || !METHODS.includes(method)) {
    throw new Problem(400, "Nothing like that is asked here.");
  }
  const headers = new Headers();
  for (const { name, value } of fields) headers.append(name, value);
  return new Request(new URL(`http://llm-proxy${path}`), {
    // A HEAD is a GET whose body is not sent.
    method: method === "HEAD" ? "GET" : method,
    headers,
    ...(body !== null && method !== "GET" && method !== "HEAD" &&
      { body: bodyStream(body, SIGN_IN.test(path) ? MAX_SIGN_IN_BYTES : MAX_BODY_BYTES, clock) }),
  });
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

/** Fails with a {@link Problem} where the body is too long, or does not come in time once it is asked for. */
function bodyStream(
  body: ByteSource,
  maxBytes: number,
  clock: Clock,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let length = 0;
  let stopTimer: (() => void) | undefined;
  return new ReadableStream({
    async pull(controller) {
      stopTimer ??= clock.after(
        BODY_MS,
        () => controller.error(new Problem(400, "The body did not come in time.")),
      );
      try {
        const piece = await nextPiece(body);
        length += piece?.length ?? 0;
        if (length > maxBytes) {
          throw new Problem(413, "The body is too long for anything that is managed here.");
        }
        if (piece !== null) return controller.enqueue(piece.slice());
        stopTimer();
        controller.close();
      } catch (error) {
        stopTimer();
        // Whatever else it is, it is the client's: it broke off, or sent what is no body.
        controller.error(error instanceof Problem ? error : new Problem(400, "The body broke off."));
      }
    },
    cancel: () => stopTimer?.(),
  }, { highWaterMark: 0 });
}

/** The answer; one that goes on is read as the client takes it, and ended with the client. */
export async function toReply(response: Response, cancellation: Cancellation): Promise<OutgoingReply> {
  const { status, headers, body } = response;
  const isStream = STREAMED.includes(headers.get("content-type")?.split(";")[0] ?? "");
  return {
    status,
    reason: response.statusText || (REASONS[status] ?? ""),
    fields: [...headers].filter(([name]) => !isFramingField(name)).map(([name, value]) =>
      checkedField(name, value)
    ),
    body: body === null ? null : isStream ? sourceOfStream(body, cancellation) : await response.bytes(),
  };
}

function sourceOfStream(stream: ReadableStream<Uint8Array>, cancellation: Cancellation): MessageBody {
  const reader = stream.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  cancellation.onCancel(cancel);
  return new PulledSource(async () => (await reader.read()).value ?? null, { onCancel: cancel });
}
