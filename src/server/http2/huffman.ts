/** The Huffman code of HPACK (RFC 7541, 5.2 and appendix B). */

import { decodeLatin1 } from "../../http/latin1.ts";
import { protocolError } from "./frames.ts";

/**
 * The lengths in bits of the codes of all bytes, and of the end symbol. The code is canonical: the lengths
 * determine the codes.
 */
// deno-fmt-ignore
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
  7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
  23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
  21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const END_SYMBOL = 256;
const LONGEST_CODE = 30;
/** The shortest code has 5 bits, so a byte of code completes at most two bytes of text. */
const SHORTEST_CODE = 5;
const MAX_PADDING_BITS = 7;

const NONE = -1;
/** The values of a nibble. */
const NIBBLES = 16;

interface Tables {
  /** The next state, by state and nibble. {@link NONE} if the text is invalid. */
  readonly next: Int16Array;
  /** The byte that each nibble completes. A code is longer than a nibble, so it completes at most one. */
  readonly completed: Int16Array;
  /** Whether a text may end in a state: the rest is at most 7 bits of the end symbol. */
  readonly mayEnd: Uint8Array;
}

const { next: NEXT, completed: COMPLETED, mayEnd: MAY_END } = tables();

/**
 * Makes the tables. A state is an inner node of the tree of codes. Each state has two children: another
 * state, or a leaf as -2 - symbol.
 */
function tables(): Tables {
  const children: number[] = [NONE, NONE];
  /** The number of ones that lead to a state from the root. {@link NONE} if its path also has zeros. */
  const ones = [0];
  let code = 0;
  for (let length = SHORTEST_CODE; length <= LONGEST_CODE; length++) {
    for (const [symbol, itsLength] of LENGTHS.entries()) {
      if (itsLength !== length) continue;
      let state = 0;
      for (let bit = length - 1; bit > 0; bit--) {
        const child = state * 2 + (code >> bit & 1);
        if (children[child] === NONE) {
          children[child] = ones.length;
          const before = ones[state] ?? NONE;
          ones.push((child & 1) === 1 && before !== NONE ? before + 1 : NONE);
          children.push(NONE, NONE);
        }
        state = children[child] ?? 0;
      }
      children[state * 2 + (code & 1)] = -2 - symbol;
      code++;
    }
    code *= 2;
  }
  const next = new Int16Array(ones.length * NIBBLES);
  const completed = new Int16Array(next.length).fill(NONE);
  for (let at = 0; at < next.length; at++) {
    let state = at >> 4;
    for (let bit = 3; bit >= 0 && state !== NONE; bit--) {
      const child = children[state * 2 + (at >> bit & 1)] ?? NONE;
      if (child >= 0) state = child;
      else if (child === -2 - END_SYMBOL) state = NONE;
      else {
        completed[at] = -2 - child;
        state = 0;
      }
    }
    next[at] = state;
  }
  const mayEnd = Uint8Array.from(ones, (count) => count !== NONE && count <= MAX_PADDING_BITS ? 1 : 0);
  return { next, completed, mayEnd };
}

/** A buffer that grows to the longest text so far. It is written and read without a wait in between. */
let scratch = new Uint8Array(1_024);

/** Decodes a text, with one character for each byte. Throws a `ConnectionError` if the code is invalid. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  const most = Math.ceil((end - start) * 8 / SHORTEST_CODE);
  if (scratch.length < most) scratch = new Uint8Array(most);
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let index = state * NIBBLES + (byte >> 4), half = 0; half < 2; half++) {
      state = NEXT[index] ?? NONE;
      if (state === NONE) throw protocolError("an invalid Huffman code");
      const completed = COMPLETED[index] ?? NONE;
      if (completed !== NONE) scratch[length++] = completed;
      index = state * NIBBLES + (byte & 15);
    }
  }
  if (MAY_END[state] !== 1) throw protocolError("an invalid end of a Huffman code");
  return decodeLatin1(scratch, 0, length);
}
