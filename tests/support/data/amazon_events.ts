/** Writes Amazon's event streams with the codec of Amazon's own SDKs. */

import { EventStreamCodec } from "@smithy/eventstream-codec";

const codec = new EventStreamCodec(
  (bytes) => typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes),
  (text) => new TextEncoder().encode(text),
);

/** One event of Bedrock's, as its services write it. */
export function amazonEvent(type: string, payload: unknown, messageType = "event"): Uint8Array {
  return new Uint8Array(codec.encode({
    headers: {
      [messageType === "event" ? ":event-type" : ":exception-type"]: { type: "string", value: type },
      ":content-type": { type: "string", value: "application/json" },
      ":message-type": { type: "string", value: messageType },
    },
    body: new TextEncoder().encode(JSON.stringify(payload)),
  }));
}

/** An event of a model's own API, wrapped as InvokeModelWithResponseStream does it. */
export function amazonChunk(event: unknown): Uint8Array {
  return amazonEvent("chunk", {
    bytes: new TextEncoder().encode(JSON.stringify(event)).toBase64(),
    p: "abcdefghijk",
  });
}
