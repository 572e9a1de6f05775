/** Reads the data of server-sent events while they pass (WHATWG HTML, 9.2.6), without keeping them. */

const LF = 0x0a;
const CR = 0x0d;
/** It may begin the stream, and is no part of the first line. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const PREFIX = [..."data:"].map((letter) => letter.charCodeAt(0));

/** Receives the data of events, such as a `JsonScanner`. */
export interface EventSink {
  /** Takes the next bytes of the current event's data: those of `bytes` from `from` (0) up to `to` (its end). */
  write(bytes: Uint8Array, from?: number, to?: number): void;
  /** The current event has ended. */
  reset(): void;
}

/** Writes the data of each event to a sink, and resets the sink at the end of each event. */
export class EventStreamScanner {
  readonly #sink: EventSink;
  /** How much of a byte order mark the stream began with; all of it also where it began with something else. */
  #markBytes = 0;
  /** How much of `data:` the line began with; -1: it is another line. */
  #matched = 0;
  #isLineEmpty = true;
  /** The last line ended in CR; an LF that follows belongs to it. */
  #endedByCr = false;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /** The next piece of the stream. It is not kept. */
  write(bytes: Uint8Array): void {
    let at = this.#markBytes < BYTE_ORDER_MARK.length ? this.#beginning(bytes) : 0;
    let nextCr = positionOf(bytes, CR, 0);
    let nextLf = positionOf(bytes, LF, 0);
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
      if (nextCr < at) nextCr = positionOf(bytes, CR, at);
      if (nextLf < at) nextLf = positionOf(bytes, LF, at);
      const end = Math.min(nextLf, nextCr);
      if (this.#matched === PREFIX.length) this.#sink.write(bytes, at, end);
      at = end;
    }
  }

  /** Where the first line goes on. */
  #beginning(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#markBytes < BYTE_ORDER_MARK.length) {
      if (bytes[at] === BYTE_ORDER_MARK[this.#markBytes]) {
        this.#markBytes++;
        at++;
        continue;
      }
      if (this.#markBytes > 0) {
        // Only a part of it, which is the beginning of the line.
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
    else if (this.#matched === PREFIX.length) this.#sink.write(SPACE);
    this.#matched = 0;
    this.#isLineEmpty = true;
    this.#endedByCr = byCr;
  }
}

/** Data that goes on in the next line is joined by a line break. */
const SPACE = Uint8Array.of(LF);

/** Where a byte stands at or behind `from`; the length where it does not. */
function positionOf(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}
