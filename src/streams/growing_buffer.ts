const NOTHING = new Uint8Array();
const SMALLEST_BYTES = 1024;
/** {@link GrowingBuffer.clear} drops a buffer that is longer than this. */
const MOST_SPARE_BYTES = 256 * 1024;

/**
 * Collects pieces in one buffer. Adding a piece costs time in proportion to its length, no matter how many
 * pieces came before.
 */
export class GrowingBuffer {
  #buffer: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  readonly #mostBytes: number;

  /** `mostBytes` is the expected length. The buffer allocates no memory beyond it for later pieces. */
  constructor(mostBytes = Infinity) {
    this.#mostBytes = mostBytes;
  }

  /** The number of bytes in the buffer. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes in the buffer, without a copy. They are valid until the next call of a method. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /**
   * Adds a copy of a piece. Earlier views of `bytes` keep their content, unless the buffer was cleared in
   * between.
   */
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

  /** Removes `count` bytes from the front. */
  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.clear();
  }

  /** Removes all bytes, and keeps the memory. The next piece overwrites the bytes. */
  clear(): void {
    this.#start = this.#end = 0;
    if (this.#buffer.length > MOST_SPARE_BYTES) this.#buffer = NOTHING;
  }

  /** Removes all bytes, and frees their memory. */
  drop(): void {
    this.#start = this.#end = 0;
    this.#buffer = NOTHING;
  }

  #room(needed: number): number {
    return Math.max(SMALLEST_BYTES, needed, Math.min(needed + (needed >> 1), this.#mostBytes));
  }
}
