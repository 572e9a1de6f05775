/**
 * Selects a few values from JSON texts while they pass, in pieces of any size, without storing the rest. It
 * is lenient: it never fails, and finds nothing in texts that are not JSON. `JsonReader` is the strict
 * reader, which checks a text that is completely in memory.
 *
 * It reads each byte once. Most bytes are in strings and in values that it skips, and take a third of a
 * nanosecond each.
 */

import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { byteClass, indexOfClass } from "./byte_class.ts";
import {
  MAX_KEY_BYTES,
  type SelectedArray,
  selectedByEscaped,
  selectedMember,
  type SelectedObject,
  type SelectionNode,
} from "./json_selection.ts";
import { jsonValue, MAX_VALUE_BYTES } from "./json_value.ts";
import { RepeatedHead } from "./repeated_head.ts";
import { NO_SINK, type TextSink } from "./text_sink.ts";

/** Receives a selected value and its path, such as `choices.*.finish_reason`. */
export type OnValue = (path: string, value: unknown) => void;

const NO_BYTES: Uint8Array = new Uint8Array();
/** Values that are nested deeper are not selected. No response nests deeper. */
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const IS_BLANK = byteClass(" \t\n\r");
/** The bytes of numbers, `true`, `false` and `null`. */
const IS_SCALAR = byteClass("-+.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const BEGINS_NUMBER = byteClass("-0123456789");
const ENDS_TEXT = byteClass('"\\');
/** The bytes that begin a string, or that begin or end a container. */
const IS_STRUCTURE = byteClass('"[]{}');

const enum State {
  /** The next byte begins a value. */
  Value,
  /** The next byte begins a key or ends an object. */
  Key,
  KeyText,
  Colon,
  /** The next byte is a comma, or ends the container. */
  After,
  /** Inside a string that is skipped or stored. */
  Text,
  /** Inside a string that is measured. */
  MeasuredText,
  Scalar,
  /** Inside a container that is skipped, or stored or measured as a whole. */
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
  readonly #media: TextSink;
  /** The sink for the current value, if the value is measured. */
  #sink: TextSink;
  /** Whether the current value is a number that is measured. */
  #isNumber = false;
  /** The length of the measured number in earlier pieces. */
  #numberBytes = 0;
  readonly #onEnd: (() => void) | undefined;
  /** The beginning that texts are expected to share. `undefined` if they are not expected to share one. */
  #head: RepeatedHead | undefined;
  #state = State.Value;
  /** The innermost open container that has selected values. `undefined` outside all containers. */
  #container: SelectedObject | SelectedArray | undefined;
  /** The open containers around the innermost one. The outermost is the first. */
  readonly #outer: (SelectedObject | SelectedArray)[] = [];
  /** The selection of the value after the current key. `undefined` if the value is not selected. */
  #next: SelectionNode | undefined;
  /** The beginning of a key that continues in the next piece. */
  #keyPart = NO_BYTES;
  /** Whether the string ends with a backslash that escapes the next byte. */
  #escaped = false;
  /** The number of open containers inside a value that is skipped, stored or measured as a whole. */
  #depth = 0;
  /** The selection of the current value. `undefined` if the value is skipped. */
  #selected: SelectionNode | undefined;
  /**
   * The beginning of a selected value that continues in the next piece. `undefined` if the value is too long.
   */
  #stored: GrowingBuffer | undefined;
  /** The length of the current value in earlier pieces. */
  #valueBytes = 0;

  /**
   * `texts` receives the values that are measured as text, and `media` those that are measured as media.
   * `onEnd` is called after each text that is an object or an array. `repeats` means that the texts are
   * expected to begin with the same bytes, as the events of a stream do.
   */
  constructor(
    root: SelectionNode,
    onValue: OnValue,
    { texts = NO_SINK, media = NO_SINK, onEnd, repeats = false }: {
      texts?: TextSink;
      media?: TextSink;
      onEnd?: () => void;
      repeats?: boolean;
    } = {},
  ) {
    this.#root = root;
    this.#onValue = onValue;
    this.#texts = this.#sink = texts;
    this.#media = media;
    this.#onEnd = onEnd;
    if (repeats) this.#head = new RepeatedHead();
  }

  /** Drops the current text. The next piece begins a new text. */
  reset(): void {
    this.#state = State.Value;
    if (this.#container !== undefined) {
      this.#container = undefined;
      this.#outer.length = 0;
    }
    this.#escaped = false;
    this.#keyPart = NO_BYTES;
    this.#drop();
  }

  /** Reads the next piece of the text: `bytes` from `from` up to `to`. Does not keep a reference to it. */
  write(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const isBeginning = this.#state === State.Value && this.#container === undefined;
    let at = isBeginning && this.#head !== undefined ? this.#skipHead(this.#head, bytes, { from, to }) : from;
    /** The index at which the current value begins in this piece. */
    let begin = from;
    while (at < to) {
      const byte = bytes[at] ?? 0;
      switch (this.#state) {
        case State.Value:
          if (IS_BLANK[byte] === 0) {
            begin = at;
            this.#beginValue(byte);
          }
          at++;
          // The call may have changed the state, which the compiler does not know.
          if (this.#head?.isRecording === true && this.#state as State === State.MeasuredText) {
            this.#keepHead(this.#head, bytes, { from, to: at });
          }
          break;
        case State.Key:
          at++;
          if (byte === QUOTE) this.#state = State.KeyText;
          else if (byte === CLOSE_BRACE) this.#close();
          else if (IS_BLANK[byte] === 0) this.#break();
          break;
        case State.KeyText:
          at = this.#readKey(bytes, at, to);
          break;
        case State.Colon:
          at++;
          if (byte === COLON) this.#state = State.Value;
          else if (IS_BLANK[byte] === 0) this.#break();
          break;
        case State.After: {
          const container = this.#container;
          if (container === undefined) {
            // The text has ended. Another text may follow, as in JSON Lines.
            this.#state = State.Value;
            break;
          }
          at++;
          if (byte === COMMA) this.#state = container.isArray ? State.Value : State.Key;
          else if (byte === (container.isArray ? CLOSE_BRACKET : CLOSE_BRACE)) this.#close();
          else if (IS_BLANK[byte] === 0) this.#break();
          break;
        }
        case State.Text:
          at = this.#skipText(bytes, at, to);
          if (at === -1) return this.#pause(bytes, begin, to);
          this.#endValue(bytes, begin, at);
          break;
        case State.MeasuredText:
          at = this.#measureText(bytes, at, to);
          if (at === -1) return;
          this.#state = State.After;
          this.#drop();
          break;
        case State.Scalar:
          while (at < to && IS_SCALAR[bytes[at] ?? 0] === 1) at++;
          if (at < to) this.#endValue(bytes, begin, at);
          break;
        case State.Inner:
        case State.InnerText:
          at = this.#skipInner(bytes, at, to);
          if (at === -1) return this.#pause(bytes, begin, to);
          this.#endValue(bytes, begin, at);
          break;
        case State.Broken:
          return;
        default:
          this.#state satisfies never;
      }
    }
    this.#head?.stop();
    if (this.#selected !== undefined && isWithinValue(this.#state)) this.#pause(bytes, begin, to);
  }

  /** Skips the beginning of a text if it is the known one. Returns the index to continue at. */
  #skipHead(head: RepeatedHead, bytes: Uint8Array, { from, to }: { from: number; to: number }): number {
    const place = head.placeIn(bytes, from, to);
    if (place === undefined) {
      head.record();
      return from;
    }
    this.#container = place.container;
    for (const container of place.outer) this.#outer.push(container);
    this.#selected = place.selected;
    this.#sink = place.sink;
    this.#escaped = false;
    this.#isNumber = false;
    this.#state = State.MeasuredText;
    for (const { path, value } of head.values) {
      try {
        this.#onValue(path, value);
      } catch {
        // An error of the listener is ignored, as it is for a value that is read.
      }
    }
    return from + head.length;
  }

  #keepHead(head: RepeatedHead, bytes: Uint8Array, { from, to }: { from: number; to: number }): void {
    const isUseful = head.keep(bytes, {
      from,
      to,
      place: () => ({
        container: this.#container,
        outer: [...this.#outer],
        selected: this.#selected,
        sink: this.#sink,
      }),
    });
    if (!isUseful) this.#head = undefined;
  }

  /**
   * Decides what happens to the value that begins with a byte: it is skipped, stored, measured, or its
   * members are read.
   */
  #beginValue(byte: number): void {
    const container = this.#container;
    let place: SelectionNode | undefined;
    if (container === undefined) place = this.#root;
    else if (!container.isArray) place = this.#next;
    else if (byte === CLOSE_BRACKET) return this.#close();
    else place = container.elements;
    this.#escaped = false;
    this.#isNumber = false;
    if (place !== undefined && place.isMeasured) {
      if (byte !== QUOTE) this.#head?.stop();
      this.#sink = place.isMedia ? this.#media : this.#texts;
      if (place.isMedia) this.#media.begins?.(place.path);
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const entered = byte === OPEN_BRACE ? place?.object : place?.array;
      if (entered !== undefined && this.#outer.length + 1 < MAX_DEPTH) return this.#open(entered);
      this.#selected = place !== undefined && place.object === undefined ? place : undefined;
      this.#state = State.Inner;
      this.#depth = 1;
    } else if (byte === QUOTE) {
      const isMeasured = place !== undefined && place.isMeasured;
      this.#selected = isMeasured || place?.object === undefined ? place : undefined;
      this.#state = isMeasured ? State.MeasuredText : State.Text;
    } else if (IS_SCALAR[byte] === 1) {
      this.#isNumber = place !== undefined && place.isMeasured && BEGINS_NUMBER[byte] === 1;
      this.#selected = place !== undefined && (place.object === undefined || this.#isNumber)
        ? place
        : undefined;
      this.#state = State.Scalar;
    } else this.#break();
  }

  #open(container: SelectedObject | SelectedArray): void {
    if (this.#container !== undefined) this.#outer.push(this.#container);
    this.#container = container;
    this.#state = container.isArray ? State.Value : State.Key;
    this.#media.boundary?.();
  }

  #close(): void {
    this.#container = this.#outer.pop();
    this.#state = State.After;
    this.#media.boundary?.();
    if (this.#container !== undefined) return;
    this.#head?.stop();
    this.#onEnd?.();
  }

  #break(): void {
    this.#state = State.Broken;
    this.#drop();
  }

  /** Reads a key, and the colon if it is the next byte. Returns the index to continue at. */
  #readKey(bytes: Uint8Array, from: number, to: number): number {
    const container = this.#container;
    let at = from;
    let hasEscapes = false;
    let isWhole = false;
    if (this.#escaped && at < to) {
      this.#escaped = false;
      at++;
    }
    while (at < to) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        isWhole = true;
        break;
      }
      at++;
      if (byte !== BACKSLASH) continue;
      hasEscapes = true;
      if (at === to) this.#escaped = true;
      else at++;
    }
    if (!isWhole) {
      this.#keepKey(bytes.subarray(from, to));
      return to;
    }
    if (container === undefined || container.isArray) this.#next = undefined;
    else if (this.#keyPart.length > 0) {
      this.#keepKey(bytes.subarray(from, at));
      const key = this.#keyPart;
      this.#keyPart = NO_BYTES;
      this.#next = key.includes(BACKSLASH)
        ? selectedByEscaped(container, key)
        : selectedMember(container, key, 0, key.length);
    } else if (hasEscapes) this.#next = selectedByEscaped(container, bytes.subarray(from, at));
    else this.#next = selectedMember(container, bytes, from, at);
    at++;
    const isColonNext = at < to && bytes[at] === COLON;
    this.#state = isColonNext ? State.Value : State.Colon;
    return isColonNext ? at + 1 : at;
  }

  /** Returns the index after the quote that ends the string. -1 if the string continues in the next piece. */
  #skipText(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    if (this.#escaped && at < to) {
      this.#escaped = false;
      at++;
    }
    for (;;) {
      at = indexOfClass(ENDS_TEXT, bytes, at, to);
      if (at === to) return -1;
      if (bytes[at] === QUOTE) return at + 1;
      at += 2;
      if (at <= to) continue;
      this.#escaped = true;
      return -1;
    }
  }

  /**
   * Passes the string to the sink that measures it. Returns the index after the quote that ends the string.
   * -1 if the string continues in the next piece.
   */
  #measureText(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (!this.#escaped) {
        at = this.#sink.writeText(bytes, at, to);
        if (at === to) return -1;
      }
      const byte = bytes[at];
      if (byte === QUOTE && !this.#escaped) return at + 1;
      this.#escaped = byte === BACKSLASH && !this.#escaped;
      this.#sink.write(bytes, at, ++at);
    }
    return -1;
  }

  /** Returns the index after the container. -1 if the container continues in the next piece. */
  #skipInner(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    let depth = this.#depth;
    if (this.#state === State.InnerText) {
      at = this.#skipText(bytes, at, to);
      if (at === -1) return -1;
    }
    for (;;) {
      at = indexOfClass(IS_STRUCTURE, bytes, at, to);
      if (at === to) break;
      const byte = bytes[at++];
      if (byte === QUOTE) {
        at = this.#skipText(bytes, at, to);
        if (at !== -1) continue;
        this.#state = State.InnerText;
        this.#depth = depth;
        return -1;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (--depth === 0) return at;
    }
    this.#state = State.Inner;
    this.#depth = depth;
    return -1;
  }

  /** Ends the current value. Its last byte is before `end`. */
  #endValue(bytes: Uint8Array, begin: number, end: number): void {
    this.#state = State.After;
    const place = this.#selected;
    if (place === undefined) return;
    if (place.isMeasured) {
      if (this.#isNumber && this.#sink.number !== undefined) {
        this.#sink.number(this.#numberBytes + end - begin);
        this.#numberBytes = 0;
      } else this.#sink.write(bytes, begin, end);
      return this.#drop();
    }
    try {
      const value = this.#valueBytes === 0
        ? jsonValue(bytes, begin, end)
        : this.#storedValue(bytes.subarray(begin, end));
      if (value !== undefined) {
        this.#head?.found(place.path, value);
        this.#onValue(place.path, value);
      }
    } catch {
      // The value is not JSON, so there is no value.
    } finally {
      this.#drop();
    }
  }

  /** Returns the current value, which ends with a part of this piece. `undefined` if it is too long. */
  #storedValue(last: Uint8Array): unknown {
    this.#keep(last);
    const whole = this.#stored?.bytes ?? NO_BYTES;
    return this.#valueBytes <= MAX_VALUE_BYTES ? jsonValue(whole, 0, whole.length) : undefined;
  }

  /**
   * Stores or measures the part of the current value that is in this piece. The value continues in the next
   * piece.
   */
  #pause(bytes: Uint8Array, begin: number, to: number): void {
    if (this.#selected === undefined) return;
    if (this.#selected.isMeasured) {
      if (this.#isNumber && this.#sink.number !== undefined) this.#numberBytes += to - begin;
      else this.#sink.write(bytes, begin, to);
    } else this.#keep(bytes.subarray(begin, to));
  }

  #keep(part: Uint8Array): void {
    this.#valueBytes += part.length;
    this.#stored ??= new GrowingBuffer();
    if (this.#valueBytes <= MAX_VALUE_BYTES) this.#stored.append(part);
    else this.#stored.clear();
  }

  /** Stores the beginning of a key, up to a length that no selected key has. */
  #keepKey(part: Uint8Array): void {
    const kept = part.subarray(0, MAX_KEY_BYTES - this.#keyPart.length);
    this.#keyPart = concat([this.#keyPart, kept]);
  }

  #drop(): void {
    if (this.#selected === undefined) return;
    if (this.#selected.isMeasured) this.#sink.end();
    this.#selected = undefined;
    if (this.#valueBytes === 0) return;
    this.#stored?.clear();
    this.#valueBytes = 0;
  }
}

/** Whether a state is inside a value that may be stored or measured as a whole. */
function isWithinValue(state: State): boolean {
  return state === State.Text || state === State.Scalar || state === State.Inner || state === State.InnerText;
}
