import { ClientGone } from "../../cancellation.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import { StallTimer } from "../stall_timer.ts";

const NOW = Promise.resolve();

/**
 * The size of a chunk after the first one. A client that sends single bytes would otherwise take an array for
 * each.
 */
const CHUNK_BYTES = 4_096;

interface Chunk {
  readonly bytes: Uint8Array;
  /** The number of bytes that have arrived. */
  end: number;
}

/** What a {@link StreamBody} works with. */
export interface StreamBodyParts {
  /** The stated length in bytes. `undefined` if the request states none. */
  readonly length: number | undefined;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /**
   * Called with a number of bytes that the body no longer holds: the reader has taken them, or wants no more.
   */
  readonly onReleased: (bytes: number) => void;
}

/** The body of a request over HTTP/2. It holds what has arrived until the reader takes it. */
export class StreamBody implements MessageBody {
  readonly length: number | undefined;
  /** Runs while the reader waits for the client to send more of the body. */
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

  /** States that the whole body has arrived. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** Ends the body with an error for its reader. Only the first error counts, and none after the end. */
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

  /** Discards the rest of the body. A reader that reads on gets an error, so that no part looks complete. */
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
