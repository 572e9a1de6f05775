/** Makes new inputs out of old ones. */

import { concat } from "../../src/streams/bytes.ts";
import { latin1 } from "../support/clients/byte_input.ts";
import type { Random } from "./target.ts";

/** Longer inputs only slow everything down. */
export const MAX_INPUT_BYTES = 1_500;
const INTERESTING = [
  0x00,
  0x09,
  0x0a,
  0x0d,
  0x20,
  0x22,
  0x25,
  0x2c,
  0x3a,
  0x3b,
  0x5c,
  0x7f,
  0x80,
  0xc3,
  0xff,
];
/** Where something may begin or end. */
const BOUNDARIES = new Set([...'\r\n"{}[]:,;=&/ -%\\'].map((sign) => sign.charCodeAt(0)));

/** An input with one to some changes. */
export function mutated(
  input: Uint8Array,
  { corpus, words, chance }: {
    corpus: readonly Uint8Array[];
    words: readonly string[];
    chance: Random;
  },
): Uint8Array {
  let bytes = input;
  for (let change = chance.pick([0, 0, 0, 1, 1, 2, 3, 6]); change >= 0; change--) {
    bytes = changed(bytes, chance.pick(corpus), words, chance);
  }
  return bytes.length > MAX_INPUT_BYTES ? bytes.slice(0, MAX_INPUT_BYTES) : bytes;
}

function changed(
  bytes: Uint8Array,
  other: Uint8Array,
  words: readonly string[],
  chance: Random,
): Uint8Array {
  const { below, pick } = chance;
  const at = chance.below(3) === 0 ? boundary(bytes, chance) : below(bytes.length + 1);
  const end = Math.min(bytes.length, at + below(pick([2, 9, 60])));
  switch (below(11)) {
    case 0:
      return replaced(bytes, at, at + 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << below(8))));
    case 1:
      return replaced(bytes, at, at + 1, Uint8Array.of(below(2) === 0 ? below(256) : pick(INTERESTING)));
    case 2:
      return replaced(bytes, at, end, new Uint8Array());
    case 3:
    case 4:
      return replaced(bytes, at, at, latin1(pick(words)));
    case 5:
      return replaced(bytes, at, end, latin1(pick(words)));
    case 6: {
      // A part of it again, once or often.
      const part = bytes.subarray(at, end);
      const times = pick([1, 1, 2, 8, 64]);
      return replaced(bytes, at, at, concat(Array.from({ length: times }, () => part)));
    }
    case 7:
      return concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))]);
    case 8: {
      const from = below(other.length + 1);
      return replaced(bytes, at, end, other.subarray(from, from + below(60)));
    }
    case 9:
      return replaced(bytes, at, at, Uint8Array.of(pick(INTERESTING)));
    default:
      return swapped(bytes, at, end, below(bytes.length + 1));
  }
}

/** A place beside a byte that parts things. */
function boundary(bytes: Uint8Array, { below }: Random): number {
  const from = below(bytes.length + 1);
  for (let at = from; at < bytes.length; at++) {
    if (BOUNDARIES.has(bytes[at] ?? 0)) return at + below(2);
  }
  return from;
}

/** A part of it in another place. */
function swapped(bytes: Uint8Array, from: number, end: number, to: number): Uint8Array {
  const part = bytes.slice(from, end);
  const rest = replaced(bytes, from, end, new Uint8Array());
  return replaced(rest, Math.min(to, rest.length), Math.min(to, rest.length), part);
}

function replaced(bytes: Uint8Array, from: number, end: number, by: Uint8Array): Uint8Array {
  return concat([bytes.subarray(0, from), by, bytes.subarray(Math.max(from, end))]);
}

/** An input made long by a part of it that is repeated: what costs more than its bytes shows there. */
export function stretched(input: Uint8Array, length: number, { below }: Random): Uint8Array {
  const from = below(input.length + 1);
  const end = from + 1 + below(Math.min(input.length - from, 64) + 1);
  const unit = input.subarray(from, end);
  if (unit.length === 0) return input;
  const times = Math.ceil(length / unit.length);
  return concat([input.subarray(0, end), ...Array.from({ length: times }, () => unit), input.subarray(end)]);
}
