/** Readers of the bodies of HTTP/1.1 messages (RFC 9112, 6 and 7). */

import type { ByteSource } from "../streams/byte_source.ts";
import { decodeLatin1 } from "./latin1.ts";
import type { ConnectionReader } from "./reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "./syntax_error.ts";

/**
 * After this number of framing steps, other connections get a turn. The steps take about ten milliseconds.
 */
const MAX_FRAMING_STEPS = 8_192;

/** A body whose end is found by its framing, and not only by the end of its connection. */
export abstract class FramedBody implements ByteSource {
  protected readonly reader: ConnectionReader;
  /**
   * The number of framing steps since other connections had their turn. In between, all reads and writes may
   * complete immediately.
   */
  protected framingSteps = 0;
  protected readonly endsWithConnection: boolean = false;
  #ended = false;

  constructor(reader: ConnectionReader) {
    this.reader = reader;
  }

  /** Whether the body was read to its end, so that the next message can begin. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Also throws an {@link UnexpectedEnd}, an {@link HttpSyntaxError}, or the error of the connection. */
  tryRead(): Uint8Array | null | undefined {
    if (this.#ended) return null;
    if (this.hasWorkedLong) return undefined;
    let piece = this.next();
    if (piece === undefined && this.reader.isOver && !this.hasWorkedLong) piece = this.#atEndOfConnection();
    if (piece === null) this.#ended = true;
    return piece;
  }

  readable(): Promise<void> {
    return this.hasWorkedLong ? this.#giveOthersTheirTurn() : this.reader.readable();
  }

  /**
   * Reads the framing before the first byte of the body, if it has arrived. Throws an
   * {@link HttpSyntaxError}.
   */
  begin(): void {}

  /** Does nothing, because the owner of the connection decides whether to close it. */
  cancel(): void {}

  protected get hasWorkedLong(): boolean {
    return this.framingSteps > MAX_FRAMING_STEPS;
  }

  /**
   * Returns the next piece of the buffered bytes. Returns `null` at the end, and `undefined` if more bytes
   * are needed.
   */
  protected abstract next(): Uint8Array | null | undefined;

  #atEndOfConnection(): null {
    if (this.reader.hasEnded() && this.endsWithConnection) return null;
    throw new UnexpectedEnd("the connection ended within a body");
  }

  async #giveOthersTheirTurn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.framingSteps = 0;
  }
}

/** A body of a known length. */
export class CountedBody extends FramedBody {
  #left: number;

  constructor(reader: ConnectionReader, length: number) {
    super(reader);
    this.#left = length;
  }

  protected override next(): Uint8Array | null | undefined {
    if (this.#left === 0) return null;
    const count = Math.min(this.#left, this.reader.buffered.length);
    if (count === 0) return undefined;
    this.#left -= count;
    return this.reader.take(count);
  }
}

/** A body that lasts until the connection ends. */
export class UntilCloseBody extends FramedBody {
  protected override readonly endsWithConnection = true;

  protected override next(): Uint8Array | undefined {
    const count = this.reader.buffered.length;
    return count === 0 ? undefined : this.reader.take(count);
  }
}

/**
 * The longest line with the size of a chunk and its extensions, in bytes. It is also the longest trailer
 * section.
 */
const MAX_CHUNK_LINE_BYTES = 4 * 1024;
const MAX_TRAILER_BYTES = 16 * 1024;
/**
 * A line with the size of a chunk: hexadecimal digits without a sign or a space. Extensions may follow, and
 * are dropped.
 */
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** Seven digits and the CR after them. Longer sizes are as rare as extensions. */
const MAX_PLAIN_DIGITS = 8;
const NOT_HEX = 255;
/**
 * A chunk up to this length, in bytes, is joined with the chunks before it. For a longer chunk, the copy
 * would cost more than a separate write.
 */
const JOINED_BYTES = 1024;
/** The value of a hexadecimal digit, by its byte. */
const HEX_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(text) ? parseInt(text, 16) : NOT_HEX;
});
const CR = 13;
const LF = 10;

/** A body in chunks. The reader drops extensions and trailers. */
export class ChunkedBody extends FramedBody {
  #state: "size" | "data" | "data end" | "trailers" = "size";
  #left = 0;
  #trailerBytes = 0;

  override begin(): void {
    if (this.#state === "size") this.#readSize();
  }

  /** Reads the size of the next chunk. Returns `false` if the line with the size has not arrived yet. */
  #readSize(): boolean {
    const size = this.#plainSize() ?? this.#sizeWithExtension();
    if (size === undefined) return false;
    this.framingSteps++;
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
    return true;
  }

  protected override next(): Uint8Array | null | undefined {
    while (true) {
      switch (this.#state) {
        case "size": {
          if (!this.#readSize()) return undefined;
          break;
        }
        case "data": {
          const piece = this.#takeData();
          return piece === undefined ? undefined : this.#withFollowing(piece);
        }
        case "data end": {
          const { buffered } = this.reader;
          if (buffered.length > 0 && buffered[0] !== CR || buffered.length > 1 && buffered[1] !== LF) {
            throw new HttpSyntaxError("a chunk that is longer than its size");
          }
          if (buffered.length < 2) return undefined;
          this.reader.consume(2);
          this.#state = "size";
          break;
        }
        case "trailers": {
          const line = this.#line(MAX_TRAILER_BYTES - this.#trailerBytes);
          if (line === undefined) return undefined;
          if (line === "") return null;
          this.framingSteps++;
          this.#trailerBytes += line.length + 2;
          break;
        }
        default:
          this.#state satisfies never;
      }
    }
  }

  #takeData(): Uint8Array | undefined {
    const count = Math.min(this.#left, this.reader.buffered.length);
    if (count === 0) return undefined;
    this.#left -= count;
    if (this.#left === 0) this.#state = "data end";
    return this.reader.take(count);
  }

  /**
   * Joins the data of a chunk with the data of the small chunks after it that have arrived. It moves the data
   * together within the reader's buffer, over the framing in between. So a body in chunks of one byte does
   * not need a write for each byte. The next call handles chunks with extensions.
   */
  #withFollowing(first: Uint8Array): Uint8Array {
    let end = first.byteOffset + first.length;
    const whole = new Uint8Array(first.buffer);
    while (this.#state === "data end" && !this.hasWorkedLong) {
      this.framingSteps++;
      const { buffered } = this.reader;
      if (buffered.length < 2 || buffered[0] !== CR || buffered[1] !== LF) break;
      this.reader.consume(2);
      this.#state = "size";
      const size = this.#plainSize();
      if (size === undefined) break;
      this.#left = size;
      this.#state = size === 0 ? "trailers" : "data";
      if (size === 0 || size > JOINED_BYTES) break;
      const next = this.#takeData();
      if (next === undefined) break;
      whole.copyWithin(end, next.byteOffset, next.byteOffset + next.length);
      end += next.length;
    }
    return whole.subarray(first.byteOffset, end);
  }

  /**
   * Reads a size without extensions, the form that all common servers send. It does not decode the line to
   * text.
   */
  #plainSize(): number | undefined {
    const { buffered } = this.reader;
    let size = 0;
    for (let at = 0; at < MAX_PLAIN_DIGITS && at + 1 < buffered.length; at++) {
      const digit = HEX_DIGITS[buffered[at] ?? 0] ?? NOT_HEX;
      if (digit !== NOT_HEX) {
        size = size * 16 + digit;
        continue;
      }
      if (at === 0 || buffered[at] !== CR || buffered[at + 1] !== LF) return undefined;
      this.reader.consume(at + 2);
      return size;
    }
    return undefined;
  }

  #sizeWithExtension(): number | undefined {
    const line = this.#line(MAX_CHUNK_LINE_BYTES);
    if (line === undefined) return undefined;
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) throw new HttpSyntaxError("a chunk size that is not a hexadecimal number");
    return parseInt(size, 16);
  }

  /** Returns the next complete line without its CR LF. `undefined` if it has not arrived yet. */
  #line(limit: number): string | undefined {
    const { buffered } = this.reader;
    const end = buffered.indexOf(LF);
    if (end >= limit || end === -1 && buffered.length >= limit) {
      throw new HttpSyntaxError("a line of a chunked body that is too long");
    }
    if (end === -1) return undefined;
    if (buffered[end - 1] !== CR) throw new HttpSyntaxError("a line that ends without CR");
    const line = decodeLatin1(this.reader.take(end + 1).subarray(0, end - 1));
    if (line.includes("\r") || line.includes("\0")) {
      throw new HttpSyntaxError("a control character in a chunked body");
    }
    return line;
  }
}
