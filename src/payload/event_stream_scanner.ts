/**
 * Reads the data of server-sent events while they pass (WHATWG HTML, 9.2.6), without storing them. The usage,
 * new objects and the first event (`forwarding/hidden_failure.ts`) are read with it. Two other files read the
 * format in a different way. `forwarding/keepalive.ts` only has to know whether the last bytes of a piece end
 * an event, so it reads five bytes of each piece. `stream_usage/hidden_usage.ts` may remove an event, so it
 * holds each event back until the event is complete.
 */

import { byteClass, indexOfClass } from "./byte_class.ts";

const LF = 0x0a;
const CR = 0x0d;
const ENDS_LINE = byteClass("\r\n");
/** The byte order mark, which may be at the start of the stream. It is not part of the first line. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const PREFIX = [..."data:"].map((letter) => letter.charCodeAt(0));

/** Receives the data of events. `JsonScanner` implements it. */
export interface EventSink {
  /**
   * Receives the next data of the current event: `bytes` from `from` (default 0) up to `to` (default: its
   * end).
   */
  write(bytes: Uint8Array, from?: number, to?: number): void;
  /** Called at the end of each event. The next bytes belong to another event. */
  reset(): void;
}

/** Writes the data of each event to a sink, and resets the sink at the end of each event. */
export class EventStreamScanner {
  readonly #sink: EventSink;
  /**
   * The number of bytes of a byte order mark that were read. It is the full number if the stream began
   * without one.
   */
  #markBytes = 0;
  /** The number of characters of `data:` with which the line began. -1 for other lines. */
  #matched = 0;
  #isLineEmpty = true;
  /** Whether the last line ended with CR. If an LF follows, it belongs to the same line end. */
  #endedByCr = false;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /** Reads the next piece of the stream. Does not keep a reference to it. */
  write(bytes: Uint8Array): void {
    let at = this.#markBytes < BYTE_ORDER_MARK.length ? this.#beginning(bytes) : 0;
    while (at < bytes.length) {
      const byte = bytes[at];
      if (this.#endedByCr) {
        this.#endedByCr = false;
        if (byte === LF) {
          at++;
          continue;
        }
      }
      if (byte === LF || byte === CR) {
        this.#endLine(byte === CR);
        at++;
        continue;
      }
      this.#isLineEmpty = false;
      if (this.#matched >= 0 && this.#matched < PREFIX.length) {
        this.#matched = byte === PREFIX[this.#matched] ? this.#matched + 1 : -1;
        at++;
        continue;
      }
      const end = indexOfClass(ENDS_LINE, bytes, at, bytes.length);
      if (this.#matched === PREFIX.length) this.#sink.write(bytes, at, end);
      at = end;
    }
  }

  /** Reads a byte order mark, and returns the index of the first byte after it. */
  #beginning(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#markBytes < BYTE_ORDER_MARK.length) {
      if (bytes[at] === BYTE_ORDER_MARK[this.#markBytes]) {
        this.#markBytes++;
        at++;
        continue;
      }
      if (this.#markBytes > 0) {
        // The bytes are not a complete byte order mark, so they belong to the line.
        this.#isLineEmpty = false;
        this.#matched = -1;
      }
      this.#markBytes = BYTE_ORDER_MARK.length;
    }
    return at;
  }

  #endLine(byCr: boolean): void {
    // An empty line ends the event.
    if (this.#isLineEmpty) this.#sink.reset();
    else if (this.#matched === PREFIX.length) this.#sink.write(LINE_BREAK);
    this.#matched = 0;
    this.#isLineEmpty = true;
    this.#endedByCr = byCr;
  }
}

/** Several lines of data are joined by a line break. */
const LINE_BREAK = Uint8Array.of(LF);
