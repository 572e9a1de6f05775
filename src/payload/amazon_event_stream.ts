/**
 * Reads Amazon's event streams (`application/vnd.amazon.eventstream`) while they pass, in pieces of any size.
 * A message consists of its length, the length of its headers, a checksum of both, the headers, the payload,
 * and a checksum of all of this (https://smithy.io/2.0/aws/amazon-eventstream.html). Payloads are not stored.
 */

import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { crc32 } from "./crc32.ts";

/** Receives the messages of one stream. */
export interface AmazonEventListener {
  /**
   * Called at the beginning of a message. `eventType` is its `:event-type`. `undefined` if it has none, as in
   * exceptions.
   */
  readonly begin: (eventType: string | undefined) => void;
  /**
   * Receives the next piece of the payload: `bytes` from `from` up to `to`. It is valid only during the call.
   */
  readonly payload: (bytes: Uint8Array, from: number, to: number) => void;
  /** Called at the end of a message with a correct checksum. */
  readonly end: () => void;
}

const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
/** The longest headers that the format allows, in bytes. */
const MAX_HEADERS_BYTES = 128 * 1024;
const EVENT_TYPE = ":event-type";
/** The size of a header's value in bytes, by its type. `undefined` if the value begins with its length. */
const VALUE_BYTES: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16];
const TEXT_TYPE = 7;

type Part = "prelude" | "headers" | "payload" | "checksum";

/** Reads one stream. Stops at the first malformed message. Never throws. */
export class AmazonEventReader {
  readonly #listener: AmazonEventListener;
  #part: Part = "prelude";
  /** The bytes of an incomplete part that is not a payload. */
  readonly #held = new GrowingBuffer();
  /** The number of bytes that the current part still lacks. */
  #missing = PRELUDE_BYTES;
  #payloadBytes = 0;
  #checksum = 0;
  #isBroken = false;

  constructor(listener: AmazonEventListener) {
    this.#listener = listener;
  }

  /** Whether the stream was malformed or damaged. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Reads the next piece of the stream. Does not keep a reference to it. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isBroken;) {
      const to = Math.min(bytes.length, at + this.#missing);
      if (this.#part === "payload") this.#listener.payload(bytes, at, to);
      else this.#held.append(bytes.subarray(at, to));
      if (this.#part !== "checksum") this.#checksum = crc32(bytes, { from: at, to, before: this.#checksum });
      this.#missing -= to - at;
      at = to;
      while (this.#missing === 0 && !this.#isBroken) this.#endPart();
    }
  }

  #endPart(): void {
    switch (this.#part) {
      case "prelude":
        return this.#endPrelude();
      case "headers":
        this.#listener.begin(eventTypeIn(this.#held.bytes));
        return this.#enter("payload", this.#payloadBytes);
      case "payload":
        return this.#enter("checksum", CHECKSUM_BYTES);
      case "checksum":
        if (numberAt(this.#held.bytes, 0) !== this.#checksum) this.#isBroken = true;
        else this.#listener.end();
        this.#checksum = 0;
        return this.#enter("prelude", PRELUDE_BYTES);
      default:
        this.#part satisfies never;
    }
  }

  #endPrelude(): void {
    const prelude = this.#held.bytes;
    const headersBytes = numberAt(prelude, 4);
    this.#payloadBytes = numberAt(prelude, 0) - PRELUDE_BYTES - headersBytes - CHECKSUM_BYTES;
    const isWhole = numberAt(prelude, 8) === crc32(prelude, { from: 0, to: PRELUDE_BYTES - CHECKSUM_BYTES });
    this.#isBroken = !isWhole || headersBytes > MAX_HEADERS_BYTES || this.#payloadBytes < 0;
    this.#enter("headers", headersBytes);
  }

  #enter(part: Part, bytes: number): void {
    this.#held.clear();
    this.#part = part;
    this.#missing = bytes;
  }
}

/** Returns the value of `:event-type`. `undefined` if it is missing, or if the headers are malformed. */
function eventTypeIn(headers: Uint8Array): string | undefined {
  for (let at = 0; at < headers.length;) {
    const nameStart = at + 1;
    const nameEnd = nameStart + (headers[at] ?? 0);
    const type = headers[nameEnd] ?? VALUE_BYTES.length;
    const hasLength = type < VALUE_BYTES.length && VALUE_BYTES[type] === undefined;
    const start = nameEnd + (hasLength ? 3 : 1);
    const length = hasLength
      ? (headers[nameEnd + 1] ?? 0) << 8 | (headers[nameEnd + 2] ?? 0)
      : VALUE_BYTES[type];
    if (length === undefined || start + length > headers.length) return undefined;
    const name = String.fromCharCode(...headers.subarray(nameStart, nameEnd));
    if (name === EVENT_TYPE && type === TEXT_TYPE) {
      return new TextDecoder().decode(headers.subarray(start, start + length));
    }
    at = start + length;
  }
  return undefined;
}

/** Reads a 32-bit number whose first byte is the highest. */
function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24 | (bytes[at + 1] ?? 0) << 16 | (bytes[at + 2] ?? 0) << 8 |
    (bytes[at + 3] ?? 0)) >>> 0;
}
