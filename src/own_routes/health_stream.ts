/**
 * `GET /health/stream`: a short event stream, which shows whether a reverse proxy in front buffers streams.
 * It needs a token, because it occupies a connection for a while.
 */

import type { Clock } from "../time/clock.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { field } from "../http/fields.ts";
import type { OutgoingReply } from "../http/message.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";

/** The path of the event stream. No endpoint can have it, since `health` is reserved. */
export const HEALTH_STREAM_PATH = "/health/stream";
/** The number of events in the stream. */
export const HEALTH_STREAM_EVENTS = 5;
/** The pause between two events, in milliseconds. */
export const HEALTH_STREAM_PAUSE_MS = 200;

/** Whether a request is for the event stream. */
export function isHealthStreamRequest(method: string, path: string): boolean {
  return method === "GET" && path === HEALTH_STREAM_PATH;
}

/**
 * Responds with the stream, and with the headers that event streams of providers get. `onEnd` is called once.
 */
export function healthStreamReply(
  { clock, onEnd }: { clock: Clock; onEnd: (how: "complete" | "client_gone") => void },
): OutgoingReply {
  return {
    status: 200,
    reason: reasonPhrase(200),
    fields: [
      field("content-type", "text/event-stream"),
      field("cache-control", "no-store"),
      field("x-accel-buffering", "no"),
    ],
    body: healthStreamBody(clock, onEnd),
  };
}

function healthStreamBody(clock: Clock, onEnd: (how: "complete" | "client_gone") => void): MessageBody {
  const encoder = new TextEncoder();
  let sent = 0;
  let isDue = true;
  let isOver = false;
  let waiting: Promise<void> | undefined;
  let stop = (): void => {};
  const end = (how: "complete" | "client_gone"): void => {
    if (isOver) return;
    isOver = true;
    stop();
    onEnd(how);
  };
  return {
    length: undefined,
    tryRead() {
      // The end follows the last event at once.
      if (sent === HEALTH_STREAM_EVENTS) end("complete");
      if (isOver) return null;
      if (!isDue) return undefined;
      isDue = false;
      return encoder.encode(`data: ${++sent}\n\n`);
    },
    readable() {
      return waiting ??= new Promise((resolve) => {
        const settle = (): void => {
          waiting = undefined;
          resolve();
        };
        const cancel = clock.after(HEALTH_STREAM_PAUSE_MS, () => {
          isDue = true;
          settle();
        });
        stop = () => {
          cancel();
          settle();
        };
      });
    },
    cancel: () => end("client_gone"),
  };
}
