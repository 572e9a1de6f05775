/**
 * The strict reader of JSON texts (RFC 8259). It reads a whole text once, in steps, and makes no values. The
 * proxy uses it for texts that it sends on: all readers understand a text that it accepts in the same way.
 * `JsonScanner` is the lenient reader for responses that pass in pieces.
 */

import { byteClass, indexOfClass } from "./byte_class.ts";
import { asciiText } from "./json_value.ts";

/** The error for a text that is not JSON by RFC 8259. `message` is the end of a sentence. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

/**
 * The position of a value in the text: the index of the first byte of its key, the index of its first byte,
 * and the index after its last byte. An element of an array has no key, so the first index is that of its
 * first byte.
 */
export interface JsonSpan {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Watches the values of a text while it is read. `Place` is the watcher's own record for a value that it
 * watches.
 */
export interface JsonWatcher<Place> {
  readonly root: Place;
  /**
   * Called at the beginning of a member of a watched object, or of an element of a watched array (`key` is
   * then `undefined`). Returns the record to watch the value with. If it returns `undefined`, the value is
   * checked but not watched.
   */
  readonly enter: (parent: Place, key: string | undefined, keyStart: number) => Place | undefined;
  /** Called at the end of a watched value, with its record and its position in bytes. */
  readonly ended: (place: Place, span: JsonSpan) => void;
}

/** The deepest nesting that is accepted. No API nests deeper, and some readers fail on deep texts. */
const MAX_DEPTH = 512;
/** The longest number, in bytes. No API has longer numbers, and a number is read without a pause. */
const MAX_NUMBER_BYTES = 1_000;
/** The longest key that is decoded, in bytes. No watched key is longer. */
const MAX_KEY_BYTES = 1_000;

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const FIRST_PRINTABLE = 0x20;
const LAST_ASCII = 0x7f;
const ESCAPED: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)));
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LITERALS: ReadonlySet<string> = new Set(["true", "false", "null"]);
/** The bytes of a string that end it, begin an escape, or are not allowed. */
const ENDS_RUN = byteClass(`"\\${String.fromCharCode(...Array(FIRST_PRINTABLE).keys())}`);

type State =
  | "value"
  | "first key"
  | "key"
  | "colon"
  | "first element"
  | "element"
  | "after"
  | "in text"
  | "done";

interface Container<Place> {
  readonly isArray: boolean;
  readonly place: Place | undefined;
  readonly keyStart: number;
  readonly start: number;
}

/** Reads one text. Throws a {@link JsonSyntaxError} at the first byte that breaks the rules. */
export class JsonReader<Place> {
  readonly #bytes: Uint8Array;
  readonly #watcher: JsonWatcher<Place>;
  /** The decoder for UTF-8. `undefined` if all bytes so far are ASCII. */
  #decoder: TextDecoder | undefined;
  readonly #open: Container<Place>[] = [];
  #at = 0;
  #decoded = 0;
  #state: State = "value";
  /** Whether the current string is a key. */
  #isKey = false;
  #textStart = 0;
  /** The record of the next value. */
  #place: Place | undefined;
  #keyStart = 0;

  readonly #isSequence: boolean;
  /** The index after the last complete value. */
  #doneAt = 0;

  /** With `isSequence`, the text may have any number of values, each on separate lines (JSON Lines). */
  constructor(bytes: Uint8Array, watcher: JsonWatcher<Place>, { isSequence = false } = {}) {
    this.#isSequence = isSequence;
    this.#bytes = bytes;
    this.#watcher = watcher;
    this.#place = watcher.root;
  }

  /**
   * Reads at least `count` more bytes, or to the end. Returns `true` if the text is complete. Throws a
   * {@link JsonSyntaxError} at the first byte that breaks the rules.
   */
  step(count: number): boolean {
    const bytes = this.#bytes;
    const limit = Math.min(this.#at + count, bytes.length);
    this.#checkUtf8(limit);
    while (this.#at < limit) {
      const byte = bytes[this.#at] ?? 0;
      if (this.#state === "in text") {
        this.#readText(limit);
        continue;
      }
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        this.#at++;
        continue;
      }
      switch (this.#state) {
        case "first element":
          if (byte === CLOSE_BRACKET) this.#close(byte);
          else this.#beginElement(byte);
          break;
        case "element":
          this.#beginElement(byte);
          break;
        case "value":
          this.#beginValue(byte);
          break;
        case "first key":
          if (byte === CLOSE_BRACE) this.#close(byte);
          else this.#beginKey(byte);
          break;
        case "key":
          this.#beginKey(byte);
          break;
        case "colon":
          if (byte !== COLON) throw this.#error("a key without a colon");
          this.#at++;
          this.#state = "value";
          break;
        case "after":
          this.#readAfter(byte);
          break;
        case "done":
          this.#beginNext();
          break;
        default:
          this.#state satisfies never;
      }
    }
    if (limit < bytes.length) return false;
    const isWhole = this.#state === "done" ||
      this.#isSequence && this.#state === "value" && this.#doneAt === 0 &&
        this.#open.length === 0;
    if (!isWhole) throw this.#error("a JSON text that is incomplete");
    return true;
  }

  #beginNext(): void {
    const between = this.#bytes.subarray(this.#doneAt, this.#at);
    if (!this.#isSequence || !between.includes(LF)) throw this.#error("bytes after the JSON value");
    this.#place = this.#watcher.root;
    this.#state = "value";
  }

  #checkUtf8(limit: number): void {
    const bytes = this.#bytes;
    if (this.#decoder === undefined) {
      // The ASCII bytes are skipped, because the decoder would make a string of them, and most texts are
      // ASCII.
      let at = this.#decoded;
      while (
        at + 4 <= limit &&
        ((bytes[at] ?? 0) | (bytes[at + 1] ?? 0) | (bytes[at + 2] ?? 0) | (bytes[at + 3] ?? 0)) <= LAST_ASCII
      ) at += 4;
      while (at < limit && (bytes[at] ?? 0) <= LAST_ASCII) at++;
      this.#decoded = at;
    }
    if (limit <= this.#decoded) return;
    this.#decoder ??= new TextDecoder("utf-8", { fatal: true });
    try {
      this.#decoder.decode(bytes.subarray(this.#decoded, limit), { stream: limit < bytes.length });
    } catch {
      throw new JsonSyntaxError("bytes that are not UTF-8");
    }
    this.#decoded = limit;
  }

  #beginElement(byte: number): void {
    const parent = this.#open.at(-1);
    this.#keyStart = this.#at;
    this.#place = parent?.place === undefined
      ? undefined
      : this.#watcher.enter(parent.place, undefined, this.#at);
    this.#beginValue(byte);
  }

  #beginValue(byte: number): void {
    const start = this.#at;
    if (this.#open.length === 0) this.#keyStart = start;
    if (byte === QUOTE) {
      this.#isKey = false;
      this.#textStart = start;
      this.#at++;
      this.#state = "in text";
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (this.#open.length === MAX_DEPTH) throw this.#error(`values nested deeper than ${MAX_DEPTH}`);
      const isArray = byte === OPEN_BRACKET;
      this.#open.push({ isArray, place: this.#place, keyStart: this.#keyStart, start });
      this.#at++;
      this.#state = isArray ? "first element" : "first key";
    } else this.#readScalar();
  }

  #readScalar(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let end = start;
    while (end < bytes.length && isScalarByte(bytes[end] ?? 0)) end++;
    if (end - start > MAX_NUMBER_BYTES) throw this.#error("a number that is too long");
    if (!isPlainInteger(bytes, start, end)) {
      const text = String.fromCharCode(...bytes.subarray(start, end));
      if (!LITERALS.has(text) && !NUMBER.test(text)) throw this.#error("an invalid value");
    }
    this.#at = end;
    this.#endValue(this.#place, this.#keyStart, start);
  }

  #beginKey(byte: number): void {
    if (byte !== QUOTE) throw this.#error("a missing key");
    this.#isKey = true;
    this.#textStart = this.#at++;
    this.#state = "in text";
  }

  /** Reads a string, up to its end or up to the limit. */
  #readText(limit: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < limit) {
      at = indexOfClass(ENDS_RUN, bytes, at, limit);
      if (at === limit) break;
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#at = at + 1;
        return this.#endText();
      }
      this.#at = at;
      if (byte !== BACKSLASH) throw this.#error("a control character in a string");
      at += this.#escapeLength();
    }
    this.#at = at;
  }

  #escapeLength(): number {
    const kind = this.#bytes[this.#at + 1] ?? 0;
    if (kind === LETTER_U) {
      for (let at = this.#at + 2; at < this.#at + 6; at++) {
        if (!isHexByte(this.#bytes[at] ?? 0)) throw this.#error("an invalid escape");
      }
      return 6;
    }
    if (!ESCAPED.has(kind)) throw this.#error("an invalid escape");
    return 2;
  }

  #endText(): void {
    const start = this.#textStart;
    if (!this.#isKey) return this.#endValue(this.#place, this.#keyStart, start);
    const parent = this.#open.at(-1)?.place;
    this.#keyStart = start;
    this.#place = parent === undefined
      ? undefined
      : this.#watcher.enter(parent, this.#keyText(start, this.#at), start);
    this.#state = "colon";
  }

  #keyText(start: number, end: number): string {
    if (end - start > MAX_KEY_BYTES) return "";
    // Most keys have no escapes. This loop is fast, because a body may consist only of keys.
    for (let at = start + 1; at < end - 1; at++) {
      const byte = this.#bytes[at] ?? 0;
      if (byte === BACKSLASH || byte > LAST_ASCII) return jsonText(this.#bytes.subarray(start, end));
    }
    return asciiText(this.#bytes, start + 1, end - 1);
  }

  #readAfter(byte: number): void {
    if (byte === COMMA) {
      this.#at++;
      this.#state = this.#open.at(-1)?.isArray === true ? "element" : "key";
    } else this.#close(byte);
  }

  #close(byte: number): void {
    const container = this.#open.pop();
    const expected = container?.isArray === true ? CLOSE_BRACKET : CLOSE_BRACE;
    if (container === undefined || byte !== expected) {
      throw this.#error("a missing comma or bracket");
    }
    this.#at++;
    this.#endValue(container.place, container.keyStart, container.start);
  }

  /** Ends a value. Its last byte is before the current position. */
  #endValue(place: Place | undefined, keyStart: number, start: number): void {
    if (place !== undefined) this.#watcher.ended(place, { keyStart, start, end: this.#at });
    this.#state = this.#open.length === 0 ? "done" : "after";
    if (this.#state === "done") this.#doneAt = this.#at;
  }

  #error(what: string): JsonSyntaxError {
    return new JsonSyntaxError(`${what}, at byte ${this.#at}`);
  }
}

const DECODER = new TextDecoder();

/** Returns the value of a JSON string. `bytes` must be a valid string with its quotes. */
export function jsonText(bytes: Uint8Array): string {
  const text: unknown = JSON.parse(DECODER.decode(bytes));
  return typeof text === "string" ? text : "";
}

/** Whether the bytes are a number that consists only of digits, as most numbers do. */
function isPlainInteger(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || bytes[start] === DIGIT_0 && end - start > 1) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < DIGIT_0 || byte > DIGIT_9) return false;
  }
  return true;
}

function isScalarByte(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7a || byte >= 0x41 && byte <= 0x5a ||
    byte === 0x2d || byte === 0x2b || byte === 0x2e;
}

function isHexByte(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x46 || byte >= 0x61 && byte <= 0x66;
}
