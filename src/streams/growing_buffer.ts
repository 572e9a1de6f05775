const SMALLEST_BYTES = 1024;
/** More than this is not kept for later pieces. */
const MOST_SPARE_BYTES = 256 * 1024;

/**
 * Bytes that come in pieces, kept in one buffer: what a piece costs depends on its bytes and not on how many pieces
 * there are.
 */
export class GrowingBuffer {
  #buffer = new Uint8Array();
  #start = 0;
  #end = 0;
  readonly #mostBytes: number;

  /** Beyond `mostBytes` it will hardly grow: up to that, no more room is made. */
  constructor(mostBytes = Infinity) {
    this.#mostBytes = mostBytes;
  }

  /** How many bytes it holds. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes it holds, without a copy: valid until the next call of a method. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Adds a copy of a piece. Earlier views stay as they were unless {@link consume} or {@link clear} came between. */
  append(piece: Uint8Array): void {
    const needed = this.length + piece.length;
    if (this.#end + piece.length > this.#buffer.length) {
      const roomier = new Uint8Array(this.#room(needed));
      roomier.set(this.bytes);
      this.#buffer = roomier;
      this.#end = this.length;
      this.#start = 0;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** Takes bytes off the front. */
  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.clear();
  }

  /** Takes all bytes off. The next piece is written over them. */
  clear(): void {
    this.#start = this.#end = 0;
    if (this.#buffer.length > MOST_SPARE_BYTES) this.#buffer = new Uint8Array();
  }

  #room(needed: number): number {
    return Math.max(SMALLEST_BYTES, needed, Math.min(needed + (needed >> 1), this.#mostBytes));
  }
}
