/** One server-sent event; `data` that is no string is written as JSON. */
export interface ServerSentEvent {
  readonly event?: string;
  readonly data: unknown;
}

/** An event stream that sends one event every `paceMs`, the first at once, and stops when nobody listens. */
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
      // With the last event, as providers do: clients leave once they have read it.
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
