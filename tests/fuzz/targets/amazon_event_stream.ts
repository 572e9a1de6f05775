/** The reader of Amazon's event streams against the codec of Amazon's own SDKs. */

import { EventStreamCodec } from "@smithy/eventstream-codec";
import { AmazonEventReader } from "../../../src/payload/amazon_event_stream.ts";
import { type FuzzTarget, inPieces, type Random, same } from "../target.ts";
import { golden } from "./json_seeds.ts";

interface Event {
  readonly type: string | undefined;
  readonly payload: readonly number[];
}

const codec = new EventStreamCodec(
  (bytes) => typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes),
  (text) => new TextEncoder().encode(text),
);

/** The events that came whole. */
function read(pieces: readonly Uint8Array[]): Event[] {
  const events: Event[] = [];
  let type: string | undefined;
  let payload: number[] = [];
  const reader = new AmazonEventReader({
    begin(eventType) {
      type = eventType;
      payload = [];
    },
    payload: (bytes, from, to) => payload.push(...bytes.subarray(from, to)),
    end: () => events.push({ type, payload }),
  });
  for (const piece of pieces) reader.write(piece);
  return events;
}

/** The same by the codec, up to the first message that it does not take. */
function decoded(bytes: Uint8Array): Event[] {
  const events: Event[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    if (length < 16 || at + length > bytes.length) break;
    try {
      const { headers, body } = codec.decode(bytes.subarray(at, at + length));
      const type = headers[":event-type"];
      events.push({ type: type?.type === "string" ? type.value : undefined, payload: [...body] });
    } catch {
      break;
    }
    at += length;
  }
  return events;
}

function check(input: Uint8Array, chance: Random): string {
  const events = read([input]);
  const expected = decoded(input);
  // The codec also rejects types of headers that it does not know.
  same(events.slice(0, expected.length), expected, "the events");
  same(read(inPieces(input, chance)), events, "pieces matter");
  return `${Math.min(events.length, 4)} ${Math.min(expected.length, 4)}`;
}

/** Bedrock's streams. */
export const target: FuzzTarget = {
  name: "amazon_event_stream",
  seeds: golden(".eventstream", 4_000),
  words: [":event-type", "\x07\0\x05chunk", "\0\0\0\x10"],
  check,
  read: (input) => read([input]),
};
