/** The frames of an HTTP/2 client with their header blocks. */

import { FrameInput } from "../../../src/server/http2/frame_input.ts";
import { ConnectionError } from "../../../src/server/http2/frames.ts";
import { HpackDecoder } from "../../../src/server/http2/hpack_decoder.ts";
import { requestFieldsOf } from "../../../src/server/http2/request_fields.ts";
import { concat } from "../../../src/streams/bytes.ts";
import {
  frame,
  GET,
  HTTPS,
  integer,
  literal,
  setting,
  text,
  WHOLE,
} from "../../support/clients/http2_frames.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same } from "../target.ts";

const LIMITS = { maxFields: 100, maxBytes: 4_096 };

/** What was read, up to the first error. */
function readIn(pieces: readonly Uint8Array[]): { seen: unknown[]; error: string | undefined } {
  const seen: unknown[] = [];
  const decoder = new HpackDecoder();
  const input = new FrameInput({
    frame: (type, { stream, isAck, payload }) => seen.push([type, stream, isAck, payload.byteLength]),
    data: (stream, bytes, { length, ends }) => {
      holds(bytes.length <= length, "the content is not longer than its frame");
      seen.push([stream, latin1Text(bytes), length, ends]);
    },
    headers(stream, block, { ends, dependsOnItself }) {
      const { fields, count } = decoder.decode(block, LIMITS);
      holds(fields.length <= count, "no field is counted twice");
      for (const { name, value } of fields) {
        holds(!/[\r\n\0]/.test(`${name}${value}`) || name === ":path", "no field has a line break");
      }
      const request = requestFieldsOf(fields);
      holds(request === undefined || !/[^\x21-\xff]|\x7f/.test(request.target), "the target is one word");
      seen.push([stream, fields, count, ends, dependsOnItself, request]);
    },
    dependsOnItself: (stream) => seen.push(stream),
    onResize() {},
  });
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const space = input.space();
        const part = piece.subarray(at, at + space.length);
        space.set(part);
        at += part.length;
        input.arrived(part.length);
      }
    }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    return { seen, error: error.message };
  }
  return { seen, error: undefined };
}

function check(input: Uint8Array, chance: Random): string {
  const whole = readIn([input]);
  same(readIn(inPieces(input, chance)), whole, "in pieces and at once");
  return `${whole.error} ${whole.seen.length}`;
}

const HEAD = [GET, HTTPS, ...literal(":path", "/x"), 0x40, ...text("x-a"), ...text("1")];

/** The frames of a client. */
export const target: FuzzTarget = {
  name: "http2_frames",
  seeds: [
    concat([frame("settings", 0, 0, setting(4, 100)), frame("headers", WHOLE, 1, HEAD)]),
    concat([frame("headers", WHOLE, 1, HEAD), frame("headers", WHOLE, 3, [GET, HTTPS, 0xbe])]),
    frame("headers", WHOLE, 1, [
      0x20 | 31,
      ...integer(4_096, 5).slice(1),
      0x88,
      0x41,
      0x8c,
      0xf1,
      0xe3,
      0xc2,
    ]),
    concat([frame("headers", 0x29, 1, [1, 0, 0, 0, 0, 16, ...HEAD, 0]), frame("continuation", 4, 1, HEAD)]),
    concat([frame("data", 9, 1, [2, 1, 2, 3, 0, 0]), frame("ping", 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])]),
    concat([frame("window", 0, 0, [0, 0, 1, 0]), frame("goaway", 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])]),
  ],
  words: ["\x00\x00\x04\x08\x00\x00\x00\x00\x00", "\x40\x03x-a\x011", "\x82\x87\x84", "\xbe"],
  check,
  read: (input) => readIn([input]),
};
