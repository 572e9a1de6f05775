import { ClientGone } from "../../cancellation.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import { StallTimer } from "../stall_timer.ts";

const NOW = Promise.resolve();

/**
 * The size of each chunk after the first one, in bytes. Otherwise a client that sends single bytes would take
 * an array for each of them.
 */
const CHUNK_BYTES = 4_096;

interface Chunk {
  readonly bytes: Uint8Array;
  /** The number of bytes in the chunk. */
  end: number;
}

/** The parts that a {@link StreamBody} uses. */
export interface StreamBodyParts {
  /** The stated length in bytes. `undefined` if the request states none. */
  readonly length: number | undefined;
  /** Returns milliseconds of a monotonic clock. */
  readonly now: () => number;
  /**
   * Called with the number of bytes that the body no longer holds. The reader has taken them, or wants no
   * more.
   */
  readonly onReleased: (bytes: number) => void;
}

/** The body of a request over HTTP/2. It holds the bytes that have arrived until the reader takes them. */
export class StreamBody implements MessageBody {
  readonly length: number | undefined;
  /** Measures how long the reader waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #onReleased: (bytes: number) => void;
  readonly #chunks: Chunk[] = [];
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #arrival: PromiseWithResolvers<void> | undefined;

  constructor({ length, now, onReleased }: StreamBodyParts) {
    this.length = length;
    this.stall = new StallTimer(now);
    this.#onReleased = onReleased;
  }

  /** Whether the whole body has arrived. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Adds a copy of bytes that have arrived. */
  push(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return this.#onReleased(bytes.length);
    const last = this.#chunks.at(-1);
    if (last === undefined || last.end + bytes.length > last.bytes.length) {
      const size = last === undefined ? bytes.length : Math.max(bytes.length, CHUNK_BYTES);
      const chunk = { bytes: new Uint8Array(size), end: bytes.length };
      chunk.bytes.set(bytes);
      this.#chunks.push(chunk);
    } else {
      last.bytes.set(bytes, last.end);
      last.end += bytes.length;
    }
    this.#wake();
  }

  /** Tells the reader that the whole body has arrived. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /**
   * Ends the body with an error for its reader. Only the first error counts. After the end of the body, no
   * error counts.
   */
  fail(error: unknown): void {
    if (!this.#hasEnded) this.#failure ??= { error };
    this.#wake();
  }

  /** Waits for the first bytes or the end. Returns whether there are bytes. Throws like {@link tryRead}. */
  async hasContent(): Promise<boolean> {
    while (this.#isWaiting) await this.readable();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#chunks.length > 0;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return this.#hasEnded ? null : undefined;
    this.#onReleased(chunk.end);
    return chunk.bytes.subarray(0, chunk.end);
  }

  readable(): Promise<void> {
    if (!this.#isWaiting) return NOW;
    if (this.#arrival === undefined) {
      this.#arrival = Promise.withResolvers<void>();
      this.stall.begin();
    }
    return this.#arrival.promise;
  }

  /**
   * Discards the rest of the body. A reader that continues to read gets an error, so that an incomplete body
   * never looks complete.
   */
  cancel(): void {
    if (this.#hasEnded && this.#chunks.length === 0) return;
    this.#failure ??= { error: new ClientGone("the rest of the body was discarded") };
    for (const { end } of this.#chunks.splice(0)) this.#onReleased(end);
    this.#wake();
  }

  get #isWaiting(): boolean {
    return this.#chunks.length === 0 && !this.#hasEnded && this.#failure === undefined;
  }

  #wake(): void {
    this.stall.end();
    this.#arrival?.resolve();
    this.#arrival = undefined;
  }
}
