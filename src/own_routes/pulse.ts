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
export const PULSE_PATH = "/health/stream";
/** The number of events in the stream. */
export const PULSE_EVENTS = 5;
/** The pause between two events, in milliseconds. */
export const PULSE_PAUSE_MS = 200;

/** Whether a request is for the event stream. */
export function isPulseRequest(method: string, path: string): boolean {
  return method === "GET" && path === PULSE_PATH;
}

/**
 * Responds with the stream, and with the headers that event streams of providers get. `onEnd` is called once.
 */
export function pulseReply(
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
    body: pulseBody(clock, onEnd),
  };
}

function pulseBody(clock: Clock, onEnd: (how: "complete" | "client_gone") => void): MessageBody {
  const encoder = new TextEncoder();
  let sent = 0;
  let isOver = false;
  let stop = (): void => {};
  const end = (how: "complete" | "client_gone"): void => {
    if (isOver) return;
    isOver = true;
    stop();
    onEnd(how);
  };
  const next = (): Uint8Array | null => {
    if (sent === PULSE_EVENTS) end("complete");
    return isOver ? null : encoder.encode(`data: ${++sent}\n\n`);
  };
  return {
    length: undefined,
    // The first event and the end are available at once.
    tryRead: () => isOver || sent === 0 || sent === PULSE_EVENTS ? next() : undefined,
    read() {
      if (isOver || sent === 0 || sent === PULSE_EVENTS) return Promise.resolve(next());
      return new Promise((resolve) => {
        const cancel = clock.after(PULSE_PAUSE_MS, () => resolve(next()));
        stop = () => {
          cancel();
          resolve(null);
        };
      });
    },
    cancel: () => end("client_gone"),
  };
}
