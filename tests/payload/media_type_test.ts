import { assertEquals } from "@std/assert";
import { ResponseTap } from "../../src/accounting/taps/response_tap.ts";
import { withKeepaliveComments } from "../../src/forwarding/keepalive.ts";
import { clientFields } from "../../src/forwarding/response_headers.ts";
import { withoutUsage } from "../../src/forwarding/stream_usage/stream_usage.ts";
import { isEventStream } from "../../src/payload/media_type.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { contentFields } from "../support/data/fields.ts";

const TYPES: readonly (readonly [type: string | undefined, isStream: boolean])[] = [
  ["text/event-stream", true],
  ["Text/Event-Stream", true],
  ["text/event-stream; charset=utf-8", true],
  ["text/event-stream ;charset=utf-8", true],
  ["text/event-streamx", false],
  ["text/event-stream-x", false],
  ["text/event-stream, text/plain", false],
  ["text/plain", false],
  ["", false],
  [undefined, false],
];

/** How each reader of responses decides, by what it does. */
function decisions(type: string | undefined): Readonly<Record<string, boolean>> {
  const fields = contentFields(type);
  const body: MessageBody = {
    length: undefined,
    tryRead: () => undefined,
    readable: () => Promise.resolve(),
    cancel() {},
  };
  const client = clientFields(fields, {
    requestId: "r",
    path: "/openai/x",
    backend: { hasProxysKey: false, exposedName: undefined },
    hasBody: true,
  });
  return {
    isEventStream: isEventStream(fields),
    accounting: ResponseTap.of(fields)?.isStream === true,
    keepalive: withKeepaliveComments({ fields, body }, { silenceMs: 1, clock: new FakeClock() }) !== body,
    "stream_usage": withoutUsage({ fields, body }) !== body,
    "x-accel-buffering": client.some(({ lower }) => lower === "x-accel-buffering"),
  };
}

for (const [type, isStream] of TYPES) {
  Deno.test(`isEventStream: ${type}: every part of the proxy decides ${isStream}`, () => {
    assertEquals(Object.entries(decisions(type)).filter(([, decision]) => decision !== isStream), []);
  });
}
