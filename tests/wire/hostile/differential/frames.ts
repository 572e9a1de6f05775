/** HTTP/2's frames (RFC 9113, 4 and 6), written and read in Latin-1. */

import { type HpackField, hpackLiteral } from "./hpack.ts";

/** The types of frames that are used here. */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

/** Flags of frames; `ack` is the same bit as `endStream`, on other frames. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

const FRAME_HEAD_BYTES = 9;

/** A frame as text. */
export function frameText(
  type: keyof typeof FRAME,
  { flags = 0, stream, payload = "" }: { flags?: number; stream: number; payload?: string },
): string {
  const { length } = payload;
  return String.fromCharCode(
    length >> 16 & 255,
    length >> 8 & 255,
    length & 255,
    FRAME[type],
    flags,
    stream >> 24 & 127,
    stream >> 16 & 255,
    stream >> 8 & 255,
    stream & 255,
  ) + payload;
}

/** A block of fields without compression. */
export function blockText(fields: readonly HpackField[]): string {
  return fields.map((field) => String.fromCharCode(...hpackLiteral(field))).join("");
}

/** What a client says first: no dynamic table is to be used. */
export function helloText(): string {
  return `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frameText("settings", { stream: 0, payload: "\0\x01\0\0\0\0" })}`;
}

/** Takes whole frames off the front of what has come; gives what is left. */
export function takeFrames(bytes: Uint8Array, onFrame: (frame: Frame) => void): Uint8Array {
  let rest = bytes;
  while (rest.length >= FRAME_HEAD_BYTES) {
    const [high = 0, middle = 0, low = 0, type = 0, flags = 0, ...id] = rest.subarray(0, FRAME_HEAD_BYTES);
    const length = high << 16 | middle << 8 | low;
    if (rest.length < FRAME_HEAD_BYTES + length) break;
    const [first = 0, second = 0, third = 0, fourth = 0] = id;
    const stream = (first & 127) << 24 | second << 16 | third << 8 | fourth;
    onFrame({ type, flags, stream, payload: rest.slice(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length) });
    rest = rest.subarray(FRAME_HEAD_BYTES + length);
  }
  return rest;
}
