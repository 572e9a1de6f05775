/**
 * Removes from a stream what only the proxy asked for, so that the client gets the stream that it asked for.
 */

import type { ByteSource, MessageBody } from "../../streams/byte_source.ts";
import { GrowingBuffer } from "../../streams/growing_buffer.ts";
import { SmallPieces } from "../../streams/small_pieces.ts";
import { MAX_MEMBERS_BYTES } from "../../payload/json_members.ts";
import { withoutUsage } from "./event_without_usage.ts";

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
/** How much is searched within one turn of the event loop. It may be thousands of events. */
const STEP_BYTES = 8 * 1024;
/** A longer event passes unchanged. Events with usage are short. */
const MAX_EVENT_BYTES = MAX_MEMBERS_BYTES;

/**
 * A stream of OpenAI's chat or text completions without its usage: it removes the member `usage` from each
 * event, and leaves out the event without choices. It gives whole events.
 */
export class HiddenUsage implements MessageBody {
  /** Not known, because events become shorter or are left out. */
  readonly length: undefined;
  readonly #source: ByteSource;
  /** The beginning of an event that has not arrived whole. */
  readonly #pending = new GrowingBuffer();
  /** Whether at most a byte order mark has arrived, which is not part of the first line. */
  #isBeginning = true;
  /**
   * How much of the event was searched for its end, and whether the line at that position is empty so far.
   */
  #searched = 0;
  #isLineEmpty = true;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: ByteSource) {
    this.#source = new SmallPieces(source, STEP_BYTES);
  }

  tryRead(): Uint8Array | null | undefined {
    while (true) {
      if (this.#ended) return this.#end();
      let piece: Uint8Array | null | undefined;
      try {
        piece = this.#source.tryRead();
      } catch (error) {
        return this.#brokenOff(error);
      }
      if (piece === undefined) return undefined;
      const out = this.#next(piece);
      if (out !== undefined) return out;
    }
  }

  readable(): Promise<void> {
    return this.#source.readable();
  }

  #end(): null {
    if (this.#failure !== undefined) throw this.#failure.error;
    return null;
  }

  /** The client still gets the arrived part of an event. The error follows after it. */
  #brokenOff(error: unknown): Uint8Array {
    this.#ended = true;
    this.#failure = { error };
    const rest = this.#take();
    if (rest.length === 0) throw error;
    return rest;
  }

  #take(): Uint8Array {
    const rest = this.#pending.bytes;
    this.#pending.clear();
    this.#searched = 0;
    return rest;
  }

  cancel(): void {
    this.#source.cancel();
  }

  /** What the client gets for a piece. `undefined` if it gets nothing yet. */
  #next(piece: Uint8Array | null): Uint8Array | null | undefined {
    if (piece === null) {
      this.#ended = true;
      const rest = withoutUsage(this.#take());
      return rest === undefined || rest.length === 0 ? null : rest;
    }
    this.#pending.append(piece);
    const out = new GrowingBuffer();
    if (this.#isBeginning) {
      const { bytes } = this.#pending;
      const isMark = BYTE_ORDER_MARK.every((byte, index) => index >= bytes.length || bytes[index] === byte);
      if (isMark && bytes.length < BYTE_ORDER_MARK.length) return undefined;
      this.#isBeginning = false;
      if (isMark) {
        out.append(BYTE_ORDER_MARK);
        this.#pending.consume(BYTE_ORDER_MARK.length);
      }
    }
    for (let end = this.#eventEnd(); end !== -1; end = this.#eventEnd()) {
      const whole = this.#pending.bytes.subarray(0, end);
      const event = end > MAX_EVENT_BYTES ? whole : withoutUsage(whole);
      if (event !== undefined) out.append(event);
      this.#pending.consume(end);
      this.#searched = 0;
    }
    if (this.#pending.length > MAX_EVENT_BYTES) out.append(this.#take());
    return out.length === 0 ? undefined : out.bytes;
  }

  /**
   * The position behind the empty line that ends the event, or -1. Continues where the last search stopped.
   */
  #eventEnd(): number {
    const { bytes } = this.#pending;
    while (this.#searched < bytes.length) {
      const byte = bytes[this.#searched];
      if (byte !== LF && byte !== CR) {
        this.#isLineEmpty = false;
        this.#searched = lineEnd(bytes, this.#searched);
        continue;
      }
      // An LF after a CR belongs to the same line end.
      if (byte === CR && this.#searched + 1 === bytes.length) return -1;
      this.#searched += byte === CR && bytes[this.#searched + 1] === LF ? 2 : 1;
      if (this.#isLineEmpty) return this.#searched;
      this.#isLineEmpty = true;
    }
    return -1;
  }
}

/**
 * The end of the line from `from` on. Two `indexOf` calls, for CR and for LF, would search beyond each other.
 */
function lineEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at++;
  return at;
}
