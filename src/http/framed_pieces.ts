import type { ByteSource } from "../streams/byte_source.ts";
import { FramingError } from "./framing_error.ts";
import type { SendBuffer } from "./send_buffer.ts";
import type { OutgoingBody } from "./outgoing_body.ts";

/**
 * Pieces up to this length, in bytes, are copied, so that one write sends them together with their framing.
 */
const COPIED_BYTES = 16 * 1024;
/** The longest framing of a piece, in bytes: its size in hexadecimal digits, and two line ends. */
const FRAMING_BYTES = 20;
const LAST_CHUNK = "0\r\n\r\n";
const LINE_END = "\r\n";

/**
 * Reads the pieces of a body, frames them (RFC 9112, 6 and 7.1), and copies them into the buffer of their
 * message. A long piece is not copied: {@link long} returns it.
 */
export class FramedPieces {
  readonly #source: ByteSource | undefined;
  readonly #buffer: SendBuffer;
  readonly #isChunked: boolean;
  /** The number of bytes of the announced length that are left. `undefined` if no length was announced. */
  #left: number | undefined;
  /** A short piece that waits for room in the buffer. */
  #waiting: Uint8Array | undefined;
  #long: Uint8Array | undefined;
  #isFilled = false;
  #haveEnded: boolean;
  #failure: { readonly error: unknown } | undefined;

  constructor(body: OutgoingBody, buffer: SendBuffer) {
    this.#source = body.kind === "none" || body.kind === "omitted" ? undefined : body.source;
    this.#buffer = buffer;
    this.#isChunked = body.kind === "chunked";
    this.#left = body.kind === "counted" ? body.length : undefined;
    this.#haveEnded = this.#source === undefined;
  }

  /** Whether all pieces are in the buffer or were sent. */
  get haveEnded(): boolean {
    return this.#haveEnded;
  }

  /**
   * A long piece, to be sent after the buffer without a copy. Call {@link longWasSent} after that.
   * `undefined` if no long piece waits.
   */
  get long(): Uint8Array | undefined {
    return this.#long;
  }

  /** Resolves when {@link fill} can copy more, and perhaps earlier. */
  readable(): Promise<void> {
    return this.#source?.readable() ?? Promise.resolve();
  }

  /**
   * Copies the pieces that have arrived into the buffer, until it is full. Throws the error of the source, or
   * a {@link FramingError} if the body does not have the announced length. If the buffer still has earlier
   * pieces, the next call throws instead, so that these pieces are sent first.
   */
  fill(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    const source = this.#source;
    if (source === undefined) return;
    try {
      while (!this.#haveEnded && this.#long === undefined) {
        const piece = this.#waiting ?? source.tryRead();
        if (piece === undefined) return;
        if (piece === null) return this.#end();
        if (this.#waiting === undefined) this.#count(piece);
        this.#waiting = piece;
        if (!this.#take(piece)) return;
        this.#waiting = undefined;
      }
    } catch (error) {
      if (!this.#isFilled || this.#buffer.length === 0) throw error;
      this.#failure = { error };
    }
  }

  /** Tells this object that the long piece was sent. */
  longWasSent(): void {
    this.#long = undefined;
    if (this.#isChunked) this.#buffer.appendText(LINE_END);
  }

  /**
   * Copies a piece with its framing into the buffer. Returns `false` if the buffer has no room for it now.
   */
  #take(piece: Uint8Array): boolean {
    // An empty piece is skipped, because an empty chunk would end the body.
    if (piece.length === 0) return true;
    const isLong = piece.length > COPIED_BYTES;
    if (!this.#buffer.hasRoom(FRAMING_BYTES + (isLong ? 0 : piece.length))) return false;
    this.#isFilled = true;
    if (this.#isChunked) this.#buffer.appendText(piece.length.toString(16) + LINE_END);
    if (isLong) this.#long = piece;
    else {
      this.#buffer.append(piece);
      if (this.#isChunked) this.#buffer.appendText(LINE_END);
    }
    return true;
  }

  #count(piece: Uint8Array): void {
    if (this.#left === undefined) return;
    this.#left -= piece.length;
    if (this.#left < 0) throw new FramingError("a body that is longer than its length");
  }

  #end(): void {
    if (this.#left !== undefined && this.#left > 0) {
      throw new FramingError(`a body that ends ${this.#left} bytes before its length`);
    }
    if (this.#isChunked) {
      if (!this.#buffer.hasRoom(LAST_CHUNK.length)) return;
      this.#buffer.appendText(LAST_CHUNK);
    }
    this.#haveEnded = true;
  }
}
