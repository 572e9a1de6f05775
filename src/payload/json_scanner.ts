/**
 * Selects a few values from JSON texts while they pass, in pieces of any size, without storing the rest. It
 * is lenient: it never fails, and finds nothing in what is not JSON. `JsonReader` is the strict counterpart,
 * which checks a text that is whole in memory.
 */

import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { MAX_KEY_BYTES, selectedChild, type SelectionNode } from "./json_selection.ts";

/** Receives a selected value and its path, such as `choices.*.finish_reason`. */
export type OnValue = (path: string, value: unknown) => void;

/**
 * Receives the values that are measured, piece by piece. Of a string it receives the bytes between the
 * quotes.
 */
export interface TextSink {
  /** The next piece: `bytes` from `from` up to `to`, valid only during the call. */
  readonly write: (bytes: Uint8Array, from: number, to: number) => void;
  /** The value has ended. */
  readonly end: () => void;
}

const NOWHERE: TextSink = { write: () => {}, end: () => {} };

const NO_BYTES: Uint8Array = new Uint8Array();
/** A longer value is skipped. Selected values are small. */
const MAX_VALUE_BYTES = 64 * 1024;
/** No response nests deeper. Deeper values are not selected. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Whether a byte is white space, by the byte. */
const IS_BLANK = Uint8Array.from(
  { length: 256 },
  (_, byte) => [0x20, 0x09, 0x0a, 0x0d].includes(byte) ? 1 : 0,
);
/** Whether a byte can be part of a number, `true`, `false` or `null`, by the byte. */
const IS_SCALAR = Uint8Array.from(
  { length: 256 },
  (_, byte) => /[-+.0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

const enum State {
  /** The next byte begins a value. */
  Value,
  /** The next byte begins a key or ends an object. */
  Key,
  KeyText,
  Colon,
  /** The next byte is a comma, or ends the container. */
  After,
  /** Inside a value that is skipped or stored as a whole. */
  Text,
  Scalar,
  Inner,
  InnerText,
  /** The text is not JSON. The rest is ignored. */
  Broken,
}

/** Reads one JSON text after the other, and passes selected values on. Never throws. */
export class JsonScanner {
  readonly #root: SelectionNode;
  readonly #onValue: OnValue;
  readonly #texts: TextSink;
  readonly #onEnd: () => void;
  #state = State.Value;
  /** The open containers that contain selected values, outermost first. */
  readonly #open: { readonly place: SelectionNode; readonly isArray: boolean }[] = [];
  /** The selection of the value after the current key. Undefined if the value is not selected. */
  #next: SelectionNode | undefined;
  /** The beginning of a key that continues in the next piece. */
  #keyPart = NO_BYTES;
  /** Whether the string ends with a backslash that escapes the next byte. */
  #escaped = false;
  #depth = 0;
  /** Whether the current value is a string. */
  #isText = false;
  /** The selection of the current value. Undefined if the value is skipped. */
  #selected: SelectionNode | undefined;
  readonly #stored = new GrowingBuffer();
  /** The length of the current value so far. `#stored` holds the value unless it is too long. */
  #valueBytes = 0;

  /**
   * `texts` receives the values that are measured. `onEnd` is called after each text that is an object or an
   * array.
   */
  constructor(
    root: SelectionNode,
    onValue: OnValue,
    { texts = NOWHERE, onEnd = () => {} }: { texts?: TextSink; onEnd?: () => void } = {},
  ) {
    this.#root = root;
    this.#onValue = onValue;
    this.#texts = texts;
    this.#onEnd = onEnd;
  }

  /** Drops the current text. The next piece begins another text. */
  reset(): void {
    this.#state = State.Value;
    this.#open.length = 0;
    this.#depth = 0;
    this.#escaped = false;
    this.#keyPart = NO_BYTES;
    this.#drop();
  }

  /** Reads the next piece of the text: `bytes` from `from` up to `to`. Does not keep a reference to it. */
  write(bytes: Uint8Array, from = 0, to = bytes.length): void {
    let at = from;
    /** The index at which the current value begins in this piece. */
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
            if (this.#keyPart.length === 0) this.#next = selectedChild(place, bytes, at, end - 1);
            else {
              this.#keepKey(bytes.subarray(at, end - 1));
              this.#next = selectedChild(place, this.#keyPart, 0, this.#keyPart.length);
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
            // The next line may have another text.
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
    if (this.#selected === undefined || !isWithinValue(this.#state)) return;
    if (this.#selected.isMeasured) this.#measure(bytes, begin, to);
    else this.#keep(bytes.subarray(begin, to));
  }

  /**
   * Decides whether to skip, store, measure or enter the value that begins here. Returns the index to
   * continue at.
   */
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
      // Gemini streams an array of responses if the client did not request an event stream.
      : top.place.elements ?? (top.place === this.#root ? this.#root : undefined);
    if (place?.children !== undefined && isContainer && this.#open.length < MAX_DEPTH) {
      this.#open.push({ place, isArray });
      this.#state = isArray ? State.Value : State.Key;
      return at + 1;
    }
    const isTaken = place !== undefined &&
      (place.children === undefined || place.isMeasured && byte === QUOTE);
    this.#selected = isTaken ? place : undefined;
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
    if (this.#open.length === 0) this.#onEnd();
  }

  #break(): void {
    this.#state = State.Broken;
    this.#drop();
  }

  /** The index after the quote that ends the string, or -1 if the string continues in the next piece. */
  #endOfText(bytes: Uint8Array, from: number, to: number): number {
    let start = from;
    while (start < to) {
      if (this.#escaped) {
        this.#escaped = false;
        start++;
        continue;
      }
      // The runtime's search is fast. Most of a response is long strings.
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

  /** Ends the current value, whose last byte is before `end`. */
  #endValue(bytes: Uint8Array, begin: number, end: number): void {
    this.#state = State.After;
    const place = this.#selected;
    if (place === undefined) return;
    if (place.isMeasured) {
      this.#measure(bytes, begin, this.#isText ? end - 1 : end);
      this.#drop();
      return;
    }
    const last = bytes.subarray(begin, end);
    let whole = last;
    if (this.#valueBytes > 0) {
      this.#keep(last);
      whole = this.#stored.bytes;
    }
    const isWhole = this.#valueBytes <= MAX_VALUE_BYTES && whole.length <= MAX_VALUE_BYTES;
    try {
      if (isWhole) this.#onValue(place.path, JSON.parse(decoder.decode(whole)));
    } catch {
      // The value is not JSON, so there is no value.
    } finally {
      this.#drop();
    }
  }

  /** Passes a measured value on, up to `to`. */
  #measure(bytes: Uint8Array, begin: number, to: number): void {
    const isFirst = this.#valueBytes === 0;
    this.#valueBytes += to - begin;
    this.#texts.write(bytes, isFirst && this.#isText ? begin + 1 : begin, to);
  }

  #keep(part: Uint8Array): void {
    this.#valueBytes += part.length;
    if (this.#valueBytes <= MAX_VALUE_BYTES) this.#stored.append(part);
    else this.#stored.clear();
  }

  /** Stores the beginning of a key, up to a length that no selected key has. */
  #keepKey(part: Uint8Array): void {
    const kept = part.subarray(0, MAX_KEY_BYTES - this.#keyPart.length);
    this.#keyPart = concat([this.#keyPart, kept]);
  }

  #drop(): void {
    if (this.#selected?.isMeasured === true) this.#texts.end();
    this.#selected = undefined;
    this.#stored.clear();
    this.#valueBytes = 0;
  }
}

const decoder = new TextDecoder();

function isWithinValue(state: State): boolean {
  return state === State.Text || state === State.Scalar || state === State.Inner || state === State.InnerText;
}
