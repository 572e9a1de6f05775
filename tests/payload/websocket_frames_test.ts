import { assert, assertEquals } from "@std/assert";
import { concat } from "../../src/streams/bytes.ts";
import { closeFrame, FrameReader } from "../../src/payload/websocket_frames.ts";
import { random } from "../support/data/random.ts";
import { frame } from "../support/clients/websocket.ts";

const { below } = random(7);

Deno.test("FrameReader: however the bytes are cut, all pass, in order, and boundaries are where frames end", () => {
  for (let round = 0; round < 200; round++) {
    const sizes = round % 2 === 0 ? [0, 3, 125, 126, 300] : [0, 126, 65_535, 65_536, 100_000];
    const frames = Array.from(
      { length: 1 + below(6) },
      () =>
        frame(1 + below(2), new Uint8Array(sizes[below(sizes.length)] ?? 0), {
          isMasked: below(2) === 0,
        }),
    );
    const bytes = concat(frames);
    const ends = new Set(frames.map((_, index) => concat(frames.slice(0, index + 1)).length));
    const reader = new FrameReader(Infinity);
    const passed: Uint8Array[] = [];
    let length = 0;
    for (let at = 0; at < bytes.length;) {
      const size = 1 + below(round % 2 === 0 ? 5 : 70_000);
      const piece = reader.pass(bytes.slice(at, at + size));
      at += size;
      length += piece.length;
      passed.push(piece.slice());
      if (piece.length > 0) assertEquals(reader.isAtBoundary, ends.has(length));
    }
    assertEquals(length, bytes.length);
    assert(concat(passed).every((byte, at) => byte === bytes[at]));
  }
});

Deno.test("FrameReader: fragments count together, control frames between them do not, and the next message begins anew", () => {
  const reader = new FrameReader(10);
  const pass = (bytes: Uint8Array) => reader.pass(bytes).length === bytes.length;
  assertEquals(pass(frame(1, "12345", { isFinal: false })), true);
  assertEquals(pass(frame(9, "a ping of its own length")), true);
  assertEquals(pass(frame(0, "67890")), true);
  assertEquals(pass(frame(2, "1234567890")), true);
  assertEquals(pass(frame(1, "1234567", { isFinal: false })), true);
  assertEquals(reader.violation, undefined);
  assertEquals(reader.pass(frame(0, "1234")).length, 0);
  assertEquals([reader.violation?.code, reader.isAtBoundary], [1009, true]);
  assertEquals(reader.pass(frame(1, "")).length, 0, "nothing passes after it");
});

Deno.test("FrameReader: lengths beyond all bounds, and control frames that are too long, are violations", () => {
  const huge = Uint8Array.of(0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255);
  const reader = new FrameReader(1_000_000);
  assertEquals([reader.pass(huge).length, reader.violation?.code], [0, 1009]);
  const control = new FrameReader(1_000_000);
  assertEquals([control.pass(frame(9, "x".repeat(126))).length, control.violation?.code], [0, 1002]);
});

Deno.test("closeFrame: what it says can be read back, masked or not, and never gets too long", () => {
  for (const masked of [true, false]) {
    const bytes = closeFrame({ code: 1001, reason: "r".repeat(300) }, { masked });
    const payloads: number[] = [];
    const reader = new FrameReader(Infinity, {
      onPayload(piece, { mask, opcode, isFinal, payloadBytes }) {
        assertEquals([opcode, isFinal, mask !== undefined, payloadBytes], [8, true, masked, 125]);
        payloads.push(...piece.map((byte, at) => byte ^ (mask?.[at % 4] ?? 0)));
      },
    });
    assertEquals(reader.pass(bytes).length, bytes.length);
    assertEquals([payloads.slice(0, 2), reader.hasClosed], [[3, 233], true]);
    assertEquals(new TextDecoder().decode(Uint8Array.from(payloads.slice(2))), "r".repeat(123));
  }
});

Deno.test("websocket frames: a frame that breaks the order of a message does not pass", () => {
  const heads: Readonly<Record<string, readonly number[]>> = {
    "a message that begins within another one": [0x01, 0, 0x81, 0],
    "a continuation without a message": [0x81, 0, 0x80, 0],
    "a control frame in several parts": [0x09, 0],
    "a frame with the reserved opcode 3": [0x83, 0],
    "a frame with the reserved opcode 15": [0x8f, 0],
  };
  for (const [reason, head] of Object.entries(heads)) {
    const reader = new FrameReader(1_000, {}, { isStrict: true });
    const passed = reader.pass(Uint8Array.from(head));
    assertEquals(reader.violation, { code: 1002, reason });
    assertEquals(passed.length, head.length - 2);
  }
  const whole = new FrameReader(1_000, {}, { isStrict: true });
  whole.pass(Uint8Array.from([0x01, 0, 0x89, 0, 0x00, 0, 0x80, 0, 0x82, 0, 0x88, 0]));
  assertEquals(whole.violation, undefined);
});
