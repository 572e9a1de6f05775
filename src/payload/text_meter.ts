/** Estimates the tokens of text in JSON while it passes, in pieces of any size, without storing it. */

import type { TextSink } from "./text_sink.ts";
import {
  asciiWeight,
  CONTINUATION,
  KIND_OF,
  kindOfTwo,
  NO_WEIGHT,
  NOTHING,
  UNDECIDED,
  WEIGHT_OF_TOKEN,
  weightOf,
} from "./token_weights.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const HEX_DIGITS = 4;
const LONG_ESCAPE_BYTES = 2 + HEX_DIGITS;
const LAST_ASCII = 0x7f;
/**
 * The longest run of characters whose weights are added at once. Their sum fits into a 32-bit number, which
 * is faster.
 */
const MAX_RUN_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;
/** The character of a short escape, by its letter. Every other escaped character means itself. */
const ESCAPED = Uint8Array.from(
  { length: 256 },
  (_, letter) => "bfnrt".includes(String.fromCharCode(letter)) ? LINE_FEED : letter,
);
/** Marks a byte that is not a hexadecimal digit. */
const NO_DIGIT = 16;
/** The value of a hexadecimal digit, by the byte. */
const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(digit) ? parseInt(digit, 16) : NO_DIGIT;
});

const enum State {
  Plain,
  /** The next byte is the one after a backslash. */
  Escape,
  /** Inside the digits of `\u`. */
  Code,
}

/**
 * Estimates the tokens of the JSON strings of one request or response. An escape counts as the character that
 * it encodes.
 */
export class TextMeter implements TextSink {
  #bytes = 0;
  #texts = 0;
  #weight = 0;
  #before = NOTHING;
  /** The first byte of a character whose second byte decides its kind. 0 if there is no such byte. */
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

  /** The estimated tokens so far. The number may have a fraction. */
  get tokens(): number {
    return this.#weight / WEIGHT_OF_TOKEN;
  }

  /** Reads the next piece of a value: `bytes` from `from` up to `to`. */
  write(bytes: Uint8Array, from: number, to: number): void {
    if (from >= to) return;
    this.#count(to - from);
    let at = from;
    while (at < to) {
      if (this.#state !== State.Plain) at = this.#escaped(bytes, at);
      else {
        at = this.#plain(bytes, at, to);
        if (at === to) return;
        // If the value is not a string, a quote counts as a character.
        if (bytes[at] === BACKSLASH) this.#state = State.Escape;
        else this.#unit(QUOTE);
        at++;
      }
    }
  }

  /**
   * Reads the next piece of a string. It stops at the quote that ends the string, at an incomplete escape, or
   * at `to`. Returns the index of the first byte that it has not read.
   */
  writeText(bytes: Uint8Array, from: number, to: number): number {
    if (this.#state !== State.Plain) return from;
    let at = this.#plain(bytes, from, to);
    while (at < to && bytes[at] === BACKSLASH) {
      if (!this.#longEscape(bytes, at, to)) break;
      at = this.#plain(bytes, at + LONG_ESCAPE_BYTES, to);
    }
    if (at > from) this.#count(at - from);
    return at;
  }

  /** Counts a number that stands for text, because it is the id of a token. */
  number(length: number): void {
    this.#count(length);
    this.#weight += WEIGHT_OF_TOKEN;
  }

  /** Called at the end of the value. */
  end(): void {
    this.#isWithin = false;
    this.#state = State.Plain;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#isWithin) return;
    this.#isWithin = true;
    this.#texts++;
  }

  /**
   * Reads up to the next quote, the next long or incomplete escape, or the end. Returns the index to continue
   * at.
   */
  #plain(bytes: Uint8Array, from: number, to: number): number {
    let before = this.#before;
    let weight = 0;
    let at = from;
    while (at < to) {
      let byte = bytes[at] ?? 0;
      if (byte <= LAST_ASCII) {
        if (byte === QUOTE) break;
        if (byte === BACKSLASH) {
          const letter = at + 1 < to ? bytes[at + 1] ?? 0 : LETTER_U;
          if (letter === LETTER_U || letter > LAST_ASCII) break;
          byte = ESCAPED[letter] ?? 0;
          at++;
        }
        at++;
        weight += weightOf(before, KIND_OF[byte] ?? 0);
        let run = 0;
        const end = Math.min(to, at + MAX_RUN_BYTES);
        while (at < end) {
          const next = bytes[at] ?? 0;
          const more = asciiWeight(byte, next);
          if (more === NO_WEIGHT) break;
          run = run + more | 0;
          byte = next;
          at++;
        }
        weight += run;
        before = KIND_OF[byte] ?? 0;
        continue;
      }
      do {
        at++;
        let kind = KIND_OF[byte] ?? 0;
        if (kind >= UNDECIDED) {
          if (kind === UNDECIDED) this.#first = byte;
          if (kind === UNDECIDED || this.#first === 0) continue;
          kind = kindOfTwo(this.#first, byte);
          this.#first = 0;
        }
        weight += weightOf(before, kind);
        before = kind;
      } while (at < to && (byte = bytes[at] ?? 0) > LAST_ASCII);
    }
    this.#before = before;
    this.#weight += weight;
    return at;
  }

  /** Reads an escape such as `\u00e4`. Returns `false` if it is incomplete or malformed. */
  #longEscape(bytes: Uint8Array, from: number, to: number): boolean {
    if (from + LONG_ESCAPE_BYTES > to || bytes[from + 1] !== LETTER_U) return false;
    let code = 0;
    for (let at = from + 2; at < from + LONG_ESCAPE_BYTES; at++) {
      const value = HEX_VALUE[bytes[at] ?? 0] ?? NO_DIGIT;
      if (value === NO_DIGIT) return false;
      code = code << 4 | value;
    }
    this.#unit(code);
    return true;
  }

  /** Reads one byte of an escape. Returns the index to continue at. */
  #escaped(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] ?? 0;
    if (this.#state === State.Escape) {
      this.#state = byte === LETTER_U ? State.Code : State.Plain;
      this.#code = 0;
      this.#digits = 0;
      if (byte !== LETTER_U) this.#unit(ESCAPED[byte] ?? byte);
      return at + 1;
    }
    // For a hexadecimal letter, the lower bits are its value. Other characters are not JSON, so their value
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
 * Returns the kind of a character by its code unit of UTF-16. The second unit of a surrogate pair counts as a
 * continuation.
 */
function kindOfUnit(unit: number): number {
  if (unit < 0x80) return KIND_OF[unit] ?? 0;
  if (unit < 0x800) {
    const first = 0xc0 | unit >> 6;
    const kind = KIND_OF[first] ?? 0;
    return kind === UNDECIDED ? kindOfTwo(first, 0x80 | unit & 0x3f) : kind;
  }
  if (unit >= 0xdc00 && unit <= 0xdfff) return CONTINUATION;
  const isPair = unit >= 0xd800 && unit <= 0xdbff;
  // The kind depends on the first two bytes in UTF-8. The first unit has all their bits.
  const point = isPair ? 0x10000 + ((unit & 0x3ff) << 10) : unit;
  const first = isPair ? 0xf0 | point >> 18 : 0xe0 | point >> 12;
  const kind = KIND_OF[first] ?? 0;
  return kind === UNDECIDED ? kindOfTwo(first, 0x80 | (isPair ? point >> 12 : point >> 6) & 0x3f) : kind;
}
