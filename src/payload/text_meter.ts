/** Estimates the tokens of text in JSON while it passes, in pieces of any size, without storing it. */

import type { TextSink } from "./json_scanner.ts";
import {
  CONTINUATION,
  KIND_OF,
  kindOfTwo,
  NOTHING,
  UNDECIDED,
  WEIGHT_OF_TOKEN,
  weightOf,
} from "./token_weights.ts";

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const HEX_DIGITS = 4;
/** The characters of short escapes. Other escaped characters stand for themselves. */
const CONTROLS = new Map([..."bfnrt"].map((letter) => [letter.charCodeAt(0), 0x0a]));

const enum State {
  Plain,
  /** After a backslash. */
  Escape,
  /** Inside of the digits of `\u`. */
  Code,
}

/**
 * Estimates the tokens of the JSON strings of one request or response. An escape counts as the character that
 * it stands for.
 */
export class TextMeter implements TextSink {
  #bytes = 0;
  #texts = 0;
  #weight = 0;
  #before = NOTHING;
  /** The first byte of a character whose second byte decides its kind. 0 without such a byte. */
  #first = 0;
  #state = State.Plain;
  #code = 0;
  #digits = 0;
  #isWithin = false;

  /** The length of the strings so far, in bytes of JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of strings that were not empty. */
  get texts(): number {
    return this.#texts;
  }

  /** The estimated tokens so far. May have a fraction. */
  get tokens(): number {
    return this.#weight / WEIGHT_OF_TOKEN;
  }

  /** Reads the next piece of a string: `bytes` from `from` up to `to`. */
  write(bytes: Uint8Array, from: number, to: number): void {
    if (from >= to) return;
    if (!this.#isWithin) {
      this.#isWithin = true;
      this.#texts++;
    }
    this.#bytes += to - from;
    let at = from;
    while (at < to) at = this.#state === State.Plain ? this.#plain(bytes, at, to) : this.#escaped(bytes, at);
  }

  /** The string has ended. */
  end(): void {
    this.#isWithin = false;
    this.#state = State.Plain;
  }

  /** Reads up to the next escape or the end. Returns the index to continue at. */
  #plain(bytes: Uint8Array, from: number, to: number): number {
    let before = this.#before;
    let weight = 0;
    let at = from;
    for (; at < to; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === BACKSLASH) {
        this.#state = State.Escape;
        at++;
        break;
      }
      let kind = KIND_OF[byte] ?? 0;
      if (kind >= UNDECIDED) {
        if (kind === UNDECIDED) this.#first = byte;
        if (kind === UNDECIDED || this.#first === 0) continue;
        kind = kindOfTwo(this.#first, byte);
        this.#first = 0;
      }
      weight += weightOf(before, kind);
      before = kind;
    }
    this.#before = before;
    this.#weight += weight;
    return at;
  }

  /** Reads one byte of an escape. Returns the index to continue at. */
  #escaped(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] ?? 0;
    if (this.#state === State.Escape) {
      this.#state = byte === LETTER_U ? State.Code : State.Plain;
      this.#code = 0;
      this.#digits = 0;
      if (byte !== LETTER_U) this.#unit(CONTROLS.get(byte) ?? byte);
      return at + 1;
    }
    // The lower bits of a hexadecimal letter are its value. Other characters are not JSON, so their value
    // does not matter.
    this.#code = this.#code << 4 | (byte <= 0x39 ? byte & 15 : (byte & 7) + 9);
    if (++this.#digits === HEX_DIGITS) {
      this.#state = State.Plain;
      this.#unit(this.#code & 0xffff);
    }
    return at + 1;
  }

  /** Counts a code unit of UTF-16. */
  #unit(unit: number): void {
    const kind = kindOfUnit(unit);
    if (kind === CONTINUATION) return;
    this.#weight += weightOf(this.#before, kind);
    this.#before = kind;
  }
}

/**
 * The kind of a character by its code unit of UTF-16. The second unit of a surrogate pair is a continuation.
 */
function kindOfUnit(unit: number): number {
  if (unit < 0x80) return KIND_OF[unit] ?? 0;
  if (unit < 0x800) return KIND_OF[0xc0 | unit >> 6] ?? 0;
  if (unit >= 0xdc00 && unit <= 0xdfff) return CONTINUATION;
  const isPair = unit >= 0xd800 && unit <= 0xdbff;
  // The kind depends on the first two bytes in UTF-8, whose bits are in the first unit.
  const point = isPair ? 0x10000 + ((unit & 0x3ff) << 10) : unit;
  const first = isPair ? 0xf0 | point >> 18 : 0xe0 | point >> 12;
  const kind = KIND_OF[first] ?? 0;
  return kind === UNDECIDED ? kindOfTwo(first, 0x80 | (isPair ? point >> 12 : point >> 6) & 0x3f) : kind;
}
