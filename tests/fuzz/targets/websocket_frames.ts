/** WebSocket frames against a reading of the whole at once, and against what writes them. */

import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { closeFrame, type FrameHead, FrameReader } from "../../../src/payload/websocket_frames.ts";
import { CLOSE, closePayload, frame, PING, TEXT } from "../../support/clients/websocket.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same, utf8 } from "../target.ts";

const MAX_MESSAGE_BYTES = 600;

interface Reading {
  readonly heads: readonly unknown[];
  readonly payloads: readonly string[];
  readonly ended: number;
  readonly passed: string;
  readonly violation: number | undefined;
  readonly isAtBoundary: boolean;
  readonly hasClosed: boolean;
}

function readIn(pieces: readonly Uint8Array[], maxBytes = MAX_MESSAGE_BYTES): Reading {
  const heads: FrameHead[] = [];
  const payloads: string[] = [];
  let ended = 0;
  const reader = new FrameReader(maxBytes, {
    onHead: (head) => void (heads.push(head), payloads.push("")),
    onPayload: (bytes) => void payloads.push(payloads.pop() + latin1Text(bytes)),
    onEnd: () => void ended++,
  });
  const passed = latin1Text(concat(pieces.map((piece) => reader.pass(piece).slice())));
  return {
    heads: heads.map(({ mask, ...rest }) => ({ ...rest, mask: mask && [...mask] })),
    payloads,
    ended,
    passed,
    violation: reader.violation?.code,
    isAtBoundary: reader.isAtBoundary,
    hasClosed: reader.hasClosed,
  };
}

/** By the letter of RFC 6455, 5.2: from the whole of the bytes. */
function naive(bytes: Uint8Array): Omit<Reading, "hasClosed"> {
  const [heads, payloads]: [unknown[], string[]] = [[], []];
  let [at, ended, messageBytes] = [0, 0, 0];
  let isAtBoundary = true;
  let violation: number | undefined;
  while (at < bytes.length) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const size = second & 0x7f;
    const extended = size === 126 ? 2 : size === 127 ? 8 : 0;
    const isMasked = second > 0x7f;
    const headBytes = 2 + extended + (isMasked ? 4 : 0);
    if (at + 2 > bytes.length || at + headBytes > bytes.length) break;
    let length = BigInt(size);
    if (extended > 0) length = BigInt(`0x${bytes.subarray(at + 2, at + 2 + extended).toHex()}`);
    const opcode = first & 15;
    if (opcode < 8) messageBytes = (opcode === 0 ? messageBytes : 0) + Number(length);
    if (opcode < 8 && messageBytes > MAX_MESSAGE_BYTES) violation = 1009;
    if (opcode >= 8 && length > 125n) violation = 1002;
    if (violation !== undefined) break;
    heads.push({
      isFinal: first > 0x7f,
      hasReservedBits: (first & 0x70) !== 0,
      opcode,
      payloadBytes: Number(length),
      mask: isMasked ? [...bytes.subarray(at + headBytes - 4, at + headBytes)] : undefined,
    });
    const end = at + headBytes + Number(length);
    payloads.push(latin1Text(bytes.subarray(at + headBytes, end)));
    isAtBoundary = end <= bytes.length;
    if (isAtBoundary) ended++;
    at = Math.min(end, bytes.length);
  }
  return { heads, payloads, ended, passed: latin1Text(bytes.subarray(0, at)), violation, isAtBoundary };
}

function check(input: Uint8Array, chance: Random): string {
  const { hasClosed, ...whole } = readIn([input]);
  same(whole, naive(input), "another reading");
  same(readIn(inPieces(input, chance)), { ...whole, hasClosed }, "pieces matter");
  roundTrip(input, chance);
  same(observed([input]), observed(inPieces(input, chance)), "usage depends on pieces");
  const { heads, violation, isAtBoundary } = whole;
  return `${Math.min(heads.length, 6)} ${violation} ${isAtBoundary} ${hasClosed}`;
}

function observed(pieces: readonly Uint8Array[]): unknown {
  const tap = new RealtimeTap();
  for (const piece of pieces) tap.write(piece);
  return tap.end();
}

function roundTrip(payload: Uint8Array, { below }: Random): void {
  const isMasked = below(2) === 1;
  const { heads, payloads } = readIn([frame(TEXT, payload, { isMasked, isFinal: below(2) === 1 })], Infinity);
  const [head] = heads as readonly { payloadBytes: number; mask: readonly number[] | undefined }[];
  holds(head?.payloadBytes === payload.length && (head.mask !== undefined) === isMasked, "a head comes back");
  same(unmasked(payloads[0] ?? "", head.mask), latin1Text(payload), "a payload comes back");
  const reason = latin1Text(payload.subarray(0, 20)).replaceAll(/[^ -~]/g, "?");
  const closing = readIn([closeFrame({ code: 1000 + below(15), reason }, { masked: isMasked })]);
  const [close] = closing.heads as readonly { mask: readonly number[] | undefined }[];
  same(unmasked(closing.payloads[0] ?? "", close?.mask).slice(2), reason, "a reason comes back");
  holds(closing.hasClosed && closing.isAtBoundary, "a close frame is whole");
}

function unmasked(text: string, mask: readonly number[] | undefined): string {
  return [...text].map((sign, at) => String.fromCharCode(sign.charCodeAt(0) ^ (mask?.[at % 4] ?? 0))).join(
    "",
  );
}

const EVENT =
  '{"type":"response.done","response":{"status":"completed","usage":{"total_tokens":3,"input_tokens":1}}}';

/** WebSocket frames. */
export const target: FuzzTarget = {
  name: "websocket_frames",
  seeds: [
    frame(TEXT, "hello"),
    frame(TEXT, EVENT, { isMasked: true }),
    concat([frame(TEXT, EVENT), frame(CLOSE, closePayload(1000, "bye"))]),
    concat([frame(TEXT, "a", { isFinal: false }), frame(PING, ""), frame(0, "b")]),
    frame(2, new Uint8Array(300)),
    frame(2, new Uint8Array(70_000)).subarray(0, 40),
    utf8("\u0001"),
  ],
  words: [
    "\x81\x05hello",
    "\x88\x02\x03\xe8",
    "\x89\x00",
    "\x01",
    "\x80",
    "\x81",
    "\x7e\x00\x05",
    "\x7f",
    "\xfe",
    EVENT,
  ],
  check,
  read: (input) => readIn([input], Infinity),
};
