/**
 * Latin-1, the encoding of the heads of messages. Every byte is one character, so decoding and encoding lose
 * no byte. The functions of `node:buffer` do exactly that, but the "latin1" of `TextDecoder` is windows-1252.
 * `latin1Slice` takes any `Uint8Array`. `toString` is slower, and before Deno 2.9 it takes only a `Buffer`.
 */

import { Buffer } from "node:buffer";

const encoder = new TextEncoder();

/** Decodes bytes to text, with one character for each byte. */
export function decodeLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  return Buffer.prototype.latin1Slice.call(bytes, start, end);
}

/** Encodes text to bytes. Every character must be below U+0100. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(text, bytes, 0);
  return bytes;
}

/** Up to this length of a text, a loop costs less than a call of the encoder. */
const LOOP_LENGTH = 24;

/** Encodes text into an array, beginning at a position. Every character must be below U+0100. */
export function writeLatin1(text: string, into: Uint8Array, at: number): void {
  const { length } = text;
  if (length > LOOP_LENGTH) {
    const { read, written } = encoder.encodeInto(text, at === 0 ? into : into.subarray(at));
    // If the lengths differ, the text is not ASCII, and its UTF-8 has more bytes.
    if (read === length && written === length) return;
  }
  for (let index = 0; index < length; index++) into[at + index] = text.charCodeAt(index);
}
