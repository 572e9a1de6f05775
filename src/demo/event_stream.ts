/** A server-sent event. If `data` is not a string, it is written as JSON. */
export interface ServerSentEvent {
  readonly event?: string;
  readonly data: unknown;
}

/** A response that sends one event every `paceMs`, the first at once, and stops when the client leaves. */
export function eventStream(
  events: readonly ServerSentEvent[],
  options: { paceMs: number; headers: Record<string, string> },
): Response {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next > 0 && options.paceMs > 0) {
        await new Promise((resolve) => timer = setTimeout(resolve, options.paceMs));
      }
      const event = events[next++];
      if (event !== undefined) controller.enqueue(encoder.encode(formatEvent(event)));
      // The stream ends with the last event, as that of providers: clients leave once they have read it.
      if (next >= events.length) controller.close();
    },
    cancel() {
      clearTimeout(timer);
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      ...options.headers,
    },
  });
}

function formatEvent({ event, data }: ServerSentEvent): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`;
}
