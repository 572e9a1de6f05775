/**
 * Latin-1, for the heads of messages: every byte is one character, so no byte is lost in decoding and
 * encoding. The functions of `node:buffer` decode exactly that; the "latin1" of `TextDecoder` is
 * windows-1252. `latin1Slice` takes any `Uint8Array`. `toString` takes only a `Buffer` before Deno 2.9, and
 * is slower.
 */

import { Buffer } from "node:buffer";

const encoder = new TextEncoder();

/** Decodes bytes to text, one character for each byte. */
export function decodeLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  return Buffer.prototype.latin1Slice.call(bytes, start, end);
}

/** Encodes text to bytes. Every character must be below U+0100. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(text, bytes, 0);
  return bytes;
}

/** For a text up to this length a loop costs less than a call of the encoder. */
const LOOP_LENGTH = 24;

/** Encodes text into an array from a position on. Every character must be below U+0100. */
export function writeLatin1(text: string, into: Uint8Array, at: number): void {
  const { length } = text;
  if (length > LOOP_LENGTH) {
    const { read, written } = encoder.encodeInto(text, at === 0 ? into : into.subarray(at));
    // Text that is not ASCII takes more bytes in UTF-8.
    if (read === length && written === length) return;
  }
  for (let index = 0; index < length; index++) into[at + index] = text.charCodeAt(index);
}
