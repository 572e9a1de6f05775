/**
 * Converts requests and responses of the server to `Request` and `Response` of the Fetch API, which the
 * router uses.
 */

import type { Cancellation } from "../../cancellation.ts";
import type { Clock } from "../../time/clock.ts";
import { type ByteSource, type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { PulledSource } from "../../streams/pulled_source.ts";
import { checkedField } from "../../http/head.ts";
import { isFramingField } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import { reasonPhrase } from "../../http/reason_phrases.ts";
import { Problem } from "./problem.ts";

/** The longest body of a request to the API. */
const MAX_BODY_BYTES = 1024 * 1024;
/** The longest body of a sign-in. It is read before authentication, and holds a token or a passphrase. */
const MAX_SIGN_IN_BYTES = 4 * 1024;
/**
 * The paths of the API, which authenticates before it reads a body. Another path can be the sign-in, or the
 * login of a command.
 */
const OF_API = /^\/(?:manage(?!\/device\/)|admin\/api)\//;

/** Content types of responses that are streamed. Other responses are sent with a length. */
const STREAMED: readonly string[] = ["text/event-stream", "application/vnd.sqlite3"];

/** The longest time for a body to arrive. */
const BODY_MS = 10_000;
/** Allowed methods. `Request` does not support TRACE. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];

/**
 * Makes a `Request`. Its body is read on demand. Throws a {@link Problem} for a target or a method that is
 * not allowed.
 */
export function toWebRequest({ method, target, fields, body }: IncomingRequest, clock: Clock): Request {
  const path = target.startsWith("/") ? target : URL.canParse(target) ? pathOf(new URL(target)) : undefined;
  if (path === undefined || !METHODS.includes(method)) {
    throw new Problem(400, "The management plane does not support this method or request target.");
  }
  const headers = new Headers();
  for (const { name, value } of fields) headers.append(name, value);
  return new Request(new URL(`http://llm-proxy${path}`), {
    // HEAD is handled as GET, and the body of the response is not sent.
    method: method === "HEAD" ? "GET" : method,
    headers,
    ...(body !== null && method !== "GET" && method !== "HEAD" &&
      { body: bodyStream(body, OF_API.test(path) ? MAX_BODY_BYTES : MAX_SIGN_IN_BYTES, clock) }),
  });
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

/**
 * The body as a stream. It fails with a {@link Problem} if the body is too long or does not arrive in time.
 */
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
        () => controller.error(new Problem(400, "The body did not arrive in time.")),
      );
      try {
        const piece = await nextPiece(body);
        length += piece?.length ?? 0;
        if (length > maxBytes) {
          throw new Problem(413, "The body is too long.");
        }
        if (piece !== null) return controller.enqueue(piece.slice());
        stopTimer();
        controller.close();
      } catch (error) {
        stopTimer();
        // All other errors are errors of the client: it closed the connection, or sent an invalid body.
        controller.error(
          error instanceof Problem ? error : new Problem(400, "The body is incomplete or invalid."),
        );
      }
    },
    cancel: () => stopTimer?.(),
  }, { highWaterMark: 0 });
}

/**
 * Makes the reply of the server. A stream is read as the client reads it, and cancelled when the client
 * leaves.
 */
export async function toReply(response: Response, cancellation: Cancellation): Promise<OutgoingReply> {
  const { status, headers, body } = response;
  const isStream = STREAMED.includes(headers.get("content-type")?.split(";")[0] ?? "");
  return {
    status,
    reason: response.statusText || reasonPhrase(status),
    fields: [...headers].filter(([name]) => !isFramingField(name)).map(([name, value]) =>
      checkedField(name, value)
    ),
    body: body === null ? null : isStream ? sourceOfStream(body, cancellation) : await response.bytes(),
  };
}

function sourceOfStream(stream: ReadableStream<Uint8Array>, cancellation: Cancellation): MessageBody {
  const reader = stream.getReader();
  const stop = (): void => cancellation.removeListener(listener);
  const cancel = (): void => {
    stop();
    reader.cancel().catch(() => {});
  };
  const listener = { cancelled: cancel };
  cancellation.addListener(listener);
  return new PulledSource(async () => {
    try {
      const { value = null } = await reader.read();
      if (value === null) stop();
      return value;
    } catch (error) {
      stop();
      throw error;
    }
  }, { onCancel: cancel });
}
