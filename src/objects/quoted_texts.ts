/** Finds the texts between any two quotes of a file or a message, while its bytes pass. */

import { GrowingBuffer } from "../streams/growing_buffer.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The longest text that is read, in bytes. Each character may be an escape of six bytes. */
const MAX_TEXT_BYTES = 64 * 1024;
/** The shortest text with an escaped letter, in bytes. A failure of `JSON.parse` takes microseconds. */
const SHORTEST_ESCAPED = "\\u0000x".length;
const NO_BYTES = new Uint8Array();
const BEGINS_VALUE = /^\s*:/;
const BETWEEN_KEY_AND_VALUE = /^\s*:[\s[{]*$/;

const decoder = new TextDecoder();

/**
 * Reads bytes that no strict reader has accepted, such as uploaded files and messages of WebSockets. A quote
 * may be data there, so that each quote ends a text and begins the next one. At most 64 KiB of the current
 * text are in memory, because a longer one refers to no object.
 */
export class QuotedTexts {
  readonly #onText: (text: string, member: string) => void;
  readonly #current = new GrowingBuffer();
  #isTooLong = false;
  /** Whether a quote has begun the current text. */
  #isQuoted = false;
  #previous = "";
  #member = "";

  /**
   * `onText` gets each text. `member` is the key before it if the bytes are JSON, and otherwise a guess.
   * `checkJsonStrings` knows the members of JSON that a strict reader has accepted.
   */
  constructor(onText: (text: string, member: string) => void) {
    this.#onText = onText;
  }

  /** Reads the next piece. Does not keep a reference to it. */
  write(piece: Uint8Array): void {
    let start = 0;
    for (let at = piece.indexOf(QUOTE); at !== -1; at = piece.indexOf(QUOTE, start)) {
      this.#finish(piece.subarray(start, at));
      this.#isQuoted = true;
      start = at + 1;
    }
    this.#append(piece.subarray(start));
  }

  /** Ends the file or the message. The next piece begins another one. */
  end(): void {
    this.#finish(NO_BYTES);
    this.#isQuoted = false;
    this.#previous = "";
    this.#member = "";
  }

  #append(bytes: Uint8Array): void {
    if (this.#isTooLong || bytes.length === 0) return;
    this.#isTooLong = this.#current.length + bytes.length > MAX_TEXT_BYTES;
    if (!this.#isTooLong) this.#current.append(bytes);
  }

  #finish(last: Uint8Array): void {
    let bytes = last;
    if (this.#current.length > 0) {
      this.#append(last);
      bytes = this.#current.bytes;
    }
    const isTooLong = this.#isTooLong || bytes.length > MAX_TEXT_BYTES;
    const text = this.#isQuoted && !isTooLong && bytes.length > 0 ? decodedString(bytes) : "";
    this.#current.clear();
    this.#isTooLong = false;
    if (isTooLong || text !== "") this.#next(text);
  }

  /** Takes the next text, or "" for one that is too long. */
  #next(text: string): void {
    // The values of an array belong to the member of the array.
    if (BETWEEN_KEY_AND_VALUE.test(text)) this.#member = this.#previous;
    else {
      // The bytes may be those between a key and its value, which belongs to an unknown member then.
      if (text === "" || BEGINS_VALUE.test(text)) this.#member = "";
      this.#onText(text, this.#member);
    }
    this.#previous = text;
  }
}

/** The text of a string of JSON, without its quotes. The bytes need not be JSON. */
export function decodedString(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (bytes.length < SHORTEST_ESCAPED || !bytes.includes(BACKSLASH)) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}
