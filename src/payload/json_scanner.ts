/** Picks a few values out of a JSON text while it passes, in pieces cut anywhere, without keeping the rest. */

import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { MAX_KEY_BYTES, type Place, wantedAt } from "./wanted_places.ts";

/** Takes a value that was found, and the path to it: `choices.*.finish_reason`. */
export type Found = (path: string, value: unknown) => void;

/** Takes the values of which only the length is wanted, piece by piece: of a text what stands between its quotes. */
export interface TextSink {
  /** The next piece; it is valid only now. */
  readonly write: (bytes: Uint8Array, from: number, to: number) => void;
  /** The value has ended. */
  readonly end: () => void;
}

const NOWHERE: TextSink = { write: () => {}, end: () => {} };

const NO_BYTES: Uint8Array = new Uint8Array();
/** A value that is longer is passed over: what is wanted is small. */
const MAX_VALUE_BYTES = 64 * 1024;
/** Deeper than any API answers; beyond it nothing is looked for any more. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** By the byte. */
const IS_BLANK = Uint8Array.from(
  { length: 256 },
  (_, byte) => [0x20, 0x09, 0x0a, 0x0d].includes(byte) ? 1 : 0,
);
/** What can stand in a number, in `true`, `false` and `null`. */
const IS_SCALAR = Uint8Array.from(
  { length: 256 },
  (_, byte) => /[-+.0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

const enum State {
  /** A value begins here. */
  Value,
  /** A key or the end of an object. */
  Key,
  KeyText,
  Colon,
  /** A comma or the end of the container. */
  After,
  /** Within a value that is not looked into: it is passed over, or taken whole. */
  Text,
  Scalar,
  Inner,
  InnerText,
  /** What came is no JSON; the rest means nothing. */
  Broken,
}

/** Reads JSON texts one after the other; of what is no JSON it finds nothing. Never throws. */
export class JsonScanner {
  readonly #root: Place;
  readonly #found: Found;
  readonly #texts: TextSink;
  readonly #ended: () => void;
  #state = State.Value;
  /** The containers that are looked into, and whether each is an array. */
  readonly #open: { readonly place: Place; readonly isArray: boolean }[] = [];
  /** The place of the value that follows the key; undefined: it is not wanted. */
  #next: Place | undefined;
  /** The beginning of a key that is cut by the end of a piece. */
  #keyPart = NO_BYTES;
  /** The text so far ends in a backslash that escapes what follows. */
  #escaped = false;
  #depth = 0;
  /** The value is a text. */
  #isText = false;
  /** Where the value that is being taken belongs; undefined: it is passed over. */
  #taking: Place | undefined;
  readonly #taken = new GrowingBuffer();
  /** How long the value is so far; {@link #taken} holds it unless it is too long. */
  #takenBytes = 0;

  /**
   * `texts` takes the values of which only the length is wanted; `ended` is called behind each text that is an object or
   * an array.
   */
  constructor(
    root: Place,
    found: Found,
    { texts = NOWHERE, ended = () => {} }: { texts?: TextSink; ended?: () => void } = {},
  ) {
    this.#root = root;
    this.#found = found;
    this.#texts = texts;
    this.#ended = ended;
  }

  /** Forgets what came so far: another text begins. */
  reset(): void {
    this.#state = State.Value;
    this.#open.length = 0;
    this.#depth = 0;
    this.#escaped = false;
    this.#keyPart = NO_BYTES;
    this.#drop();
  }

  /** The next piece of the text. It is not kept. */
  write(bytes: Uint8Array, from = 0, to = bytes.length): void {
    let at = from;
    /** Where the part of a value begins that stands in this piece. */
    let begin = from;
    while (at < to) {
      const byte = bytes[at] ?? 0;
      switch (this.#state) {
        case State.Value: {
          if (IS_BLANK[byte] === 1) {
            at++;
            break;
          }
          begin = at;
          at = this.#beginValue(byte, at);
          break;
        }
        case State.Key: {
          if (byte === QUOTE) {
            this.#state = State.KeyText;
          } else if (byte === CLOSE_BRACE) this.#close();
          else if (IS_BLANK[byte] === 0) this.#break();
          at++;
          break;
        }
        case State.KeyText: {
          const end = this.#endOfText(bytes, at, to);
          if (end === -1) this.#keepKey(bytes.subarray(at, to));
          else {
            const place = this.#open.at(-1)?.place;
            if (this.#keyPart.length === 0) this.#next = wantedAt(place, bytes, at, end - 1);
            else {
              this.#keepKey(bytes.subarray(at, end - 1));
              this.#next = wantedAt(place, this.#keyPart, 0, this.#keyPart.length);
              this.#keyPart = NO_BYTES;
            }
            this.#state = State.Colon;
          }
          at = end === -1 ? to : end;
          break;
        }
        case State.Colon: {
          if (byte === COLON) this.#state = State.Value;
          else if (IS_BLANK[byte] === 0) this.#break();
          at++;
          break;
        }
        case State.After: {
          const top = this.#open.at(-1);
          if (top === undefined) {
            // Another text may follow on the next line.
            this.#state = State.Value;
            break;
          }
          if (byte === COMMA) this.#state = top.isArray ? State.Value : State.Key;
          else if (byte === (top.isArray ? CLOSE_BRACKET : CLOSE_BRACE)) this.#close();
          else if (IS_BLANK[byte] === 0) this.#break();
          at++;
          break;
        }
        case State.Text:
        case State.InnerText: {
          const end = this.#endOfText(bytes, at, to);
          if (end === -1) {
            at = to;
            break;
          }
          at = end;
          if (this.#state === State.InnerText) this.#state = State.Inner;
          else this.#endValue(bytes, begin, at);
          break;
        }
        case State.Scalar: {
          while (at < to && IS_SCALAR[bytes[at] ?? 0] === 1) at++;
          if (at < to) this.#endValue(bytes, begin, at);
          break;
        }
        case State.Inner: {
          at++;
          if (byte === QUOTE) this.#state = State.InnerText;
          else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
          else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
            if (--this.#depth === 0) this.#endValue(bytes, begin, at);
          }
          break;
        }
        case State.Broken:
          return;
        default:
          this.#state satisfies never;
      }
    }
    if (this.#taking === undefined || !isWithinValue(this.#state)) return;
    if (this.#taking.isMeasured) this.#measure(bytes, begin, to);
    else this.#keep(bytes.subarray(begin, to));
  }

  /** Decides what to do with the value that begins here; gives where to go on. */
  #beginValue(byte: number, at: number): number {
    const top = this.#open.at(-1);
    if (byte === CLOSE_BRACKET && top?.isArray === true) {
      this.#close();
      return at + 1;
    }
    const isArray = byte === OPEN_BRACKET;
    const isContainer = isArray || byte === OPEN_BRACE;
    const place = top === undefined ? this.#root : !top.isArray
      ? this.#next
      // Gemini streams an array of answers where no event stream was asked for.
      : top.place.elements ?? (top.place === this.#root ? this.#root : undefined);
    if (place?.children !== undefined && isContainer && this.#open.length < MAX_DEPTH) {
      this.#open.push({ place, isArray });
      this.#state = isArray ? State.Value : State.Key;
      return at + 1;
    }
    const isTaken = place !== undefined &&
      (place.children === undefined || place.isMeasured && byte === QUOTE);
    this.#taking = isTaken ? place : undefined;
    this.#isText = byte === QUOTE;
    this.#escaped = false;
    if (isContainer) {
      this.#state = State.Inner;
      this.#depth = 1;
    } else if (byte === QUOTE) this.#state = State.Text;
    else if (IS_SCALAR[byte] === 1) this.#state = State.Scalar;
    else this.#break();
    return at + 1;
  }

  #close(): void {
    this.#open.pop();
    this.#state = State.After;
    if (this.#open.length === 0) this.#ended();
  }

  #break(): void {
    this.#state = State.Broken;
    this.#drop();
  }

  /** Behind the quote that ends the text, or -1 where it is not in this piece. */
  #endOfText(bytes: Uint8Array, from: number, to: number): number {
    let start = from;
    while (start < to) {
      if (this.#escaped) {
        this.#escaped = false;
        start++;
        continue;
      }
      // The runtime's own search: texts are long, and most of what passes is text.
      const quote = bytes.indexOf(QUOTE, start);
      const end = quote === -1 || quote >= to ? to : quote;
      let before = end;
      while (before > start && bytes[before - 1] === BACKSLASH) before--;
      const isEscaped = (end - before) % 2 === 1;
      if (end === to) {
        this.#escaped = isEscaped;
        return -1;
      }
      if (!isEscaped) return end + 1;
      start = end + 1;
    }
    return -1;
  }

  /** The value ends before `end`. */
  #endValue(bytes: Uint8Array, begin: number, end: number): void {
    this.#state = State.After;
    const place = this.#taking;
    if (place === undefined) return;
    if (place.isMeasured) {
      this.#measure(bytes, begin, this.#isText ? end - 1 : end);
      this.#drop();
      return;
    }
    const last = bytes.subarray(begin, end);
    let whole = last;
    if (this.#takenBytes > 0) {
      this.#keep(last);
      whole = this.#taken.bytes;
    }
    const isWhole = this.#takenBytes <= MAX_VALUE_BYTES && whole.length <= MAX_VALUE_BYTES;
    try {
      if (isWhole) this.#found(place.path, JSON.parse(decoder.decode(whole)));
    } catch {
      // No JSON after all: nothing was found.
    } finally {
      this.#drop();
    }
  }

  /** The value goes on to `to`. */
  #measure(bytes: Uint8Array, begin: number, to: number): void {
    const isFirst = this.#takenBytes === 0;
    this.#takenBytes += to - begin;
    this.#texts.write(bytes, isFirst && this.#isText ? begin + 1 : begin, to);
  }

  #keep(part: Uint8Array): void {
    this.#takenBytes += part.length;
    if (this.#takenBytes <= MAX_VALUE_BYTES) this.#taken.append(part);
    else this.#taken.clear();
  }

  /** Of a longer key than any that is wanted, enough to be none of them. */
  #keepKey(part: Uint8Array): void {
    const kept = part.subarray(0, MAX_KEY_BYTES - this.#keyPart.length);
    this.#keyPart = concat([this.#keyPart, kept]);
  }

  #drop(): void {
    if (this.#taking?.isMeasured === true) this.#texts.end();
    this.#taking = undefined;
    this.#taken.clear();
    this.#takenBytes = 0;
  }
}

const decoder = new TextDecoder();

function isWithinValue(state: State): boolean {
  return state === State.Text || state === State.Scalar || state === State.Inner || state === State.InnerText;
}
