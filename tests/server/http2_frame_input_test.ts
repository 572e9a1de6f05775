import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "../../src/streams/bytes.ts";
import { FrameInput } from "../../src/server/http2/frame_input.ts";
import { ConnectionError, ERROR, FRAME } from "../../src/server/http2/frames.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  PRIORITY,
  uint32,
  WHOLE,
} from "../support/clients/http2_frames.ts";

/** Reads bytes in pieces of this size. Returns what was reported, and the longest buffers. */
function read(bytes: Uint8Array, size = bytes.length, { isRoomy = false } = {}) {
  const seen: unknown[] = [];
  let extraBytes = 0;
  const input = new FrameInput({
    frame: (type, { stream, isAck, payload }) =>
      seen.push([type, stream, isAck, [
        ...new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
      ]]),
    data: (stream, content, { length, ends }) => seen.push(["data", stream, [...content], length, ends]),
    headers: (stream, { bytes, start, end }, { ends, dependsOnItself }) =>
      seen.push(["headers", stream, [...bytes.subarray(start, end)], ends, dependsOnItself]),
    dependsOnItself: (stream) => seen.push(["depends on itself", stream]),
    onResize: () => extraBytes = Math.max(extraBytes, input.extraBytes),
  });
  input.isRoomy = isRoomy;
  for (let at = 0; at < bytes.length;) {
    const space = input.space();
    const count = Math.min(size, space.length, bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    at += count;
    input.arrived(count);
  }
  return { seen, extraBytes };
}

Deno.test("FrameInput: pieces of any length give the same frames", () => {
  const bytes = concat([
    frame("settings", 0, 0, [0, 3, 0, 0, 0, 100]),
    frame("headers", WHOLE, 1, [1, 2, 3]),
    frame("headers", WHOLE | PADDED | PRIORITY, 3, [2, ...uint32(0), 15, 1, 2, 3, 0, 0]),
    frame("headers", END_STREAM, 5, [1]),
    frame("continuation", 0, 5, [2]),
    frame("continuation", END_HEADERS, 5, [3]),
    frame("data", PADDED, 7, [2, 1, 2, 3, 0, 0]),
    frame("data", END_STREAM, 7, new Uint8Array(16_384).fill(7)),
    frame("ping", 1, 0, [1, 2, 3, 4, 5, 6, 7, 8]),
    frame(22, 0, 0, [1]),
  ]);
  const expected = [
    [FRAME.settings, 0, false, [0, 3, 0, 0, 0, 100]],
    ["headers", 1, [1, 2, 3], true, false],
    ["headers", 3, [1, 2, 3], true, false],
    [FRAME.continuation, 5, false, []],
    [FRAME.continuation, 5, false, []],
    ["headers", 5, [1, 2, 3], true, false],
    ["data", 7, [1, 2, 3], 6, false],
    ["data", 7, Array(16_384).fill(7), 16_384, true],
    [FRAME.ping, 0, true, [1, 2, 3, 4, 5, 6, 7, 8]],
    [22, 0, false, [1]],
  ];
  for (const size of [1, 2, 7, 1_000, 4_096, bytes.length]) {
    for (const isRoomy of [false, true]) {
      assertEquals(read(bytes, size, { isRoomy }).seen, expected, `${size}`);
    }
  }
});

Deno.test("FrameInput: a frame that is too long is rejected by its head, and the buffer grows to a frame at most", () => {
  const head = frame("data", 0, 1, new Uint8Array(16_385)).subarray(0, 9);
  const error = assertThrows(() => read(head), ConnectionError);
  assertEquals(error.code, ERROR.frameSize);
  const { extraBytes } = read(frame("data", 0, 1, new Uint8Array(16_384)), 100);
  assertEquals(extraBytes, 16_384 + 9 - 4_096);
});

Deno.test("FrameInput: a header block without an end is rejected, and its memory counts until then", () => {
  const begin = frame("headers", 0, 1, new Uint8Array(1_000));
  const more = Array.from({ length: 15 }, () => frame("continuation", 0, 1, new Uint8Array(16_384)));
  const { extraBytes } = read(concat([begin, ...more]));
  assertEquals(extraBytes >= 15 * 16_384, true, `${extraBytes} bytes are counted`);
  const error = assertThrows(() => read(concat([begin, ...more, ...more])), ConnectionError);
  assertEquals(error.code, ERROR.enhanceYourCalm);
});
