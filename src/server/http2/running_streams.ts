import type { Http2Stream } from "./stream.ts";

/**
 * The streams of a connection whose exchanges run, and the times at which the connection became idle or busy.
 */
export class RunningStreams {
  readonly #streams = new Map<number, Http2Stream>();
  readonly #now: () => number;
  #idleSince: number;
  /** When the connection last changed from idle to busy. */
  #busySince = 0;

  /** `now` returns milliseconds of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
    this.#idleSince = now();
  }

  /** The number of streams whose exchanges run. */
  get size(): number {
    return this.#streams.size;
  }

  /** When the last stream ended, or the connection began. `undefined` if a stream is running. */
  get idleSince(): number | undefined {
    return this.#streams.size === 0 ? this.#idleSince : undefined;
  }

  /** When the connection last became idle or stopped being idle. */
  get stateSince(): number {
    return this.#streams.size === 0 ? this.#idleSince : this.#busySince;
  }

  /**
   * When the response that has waited the longest began to wait for the client. `undefined` if no response
   * waits.
   */
  get unreadSince(): number | undefined {
    let longest: number | undefined;
    for (const { unreadSince } of this.#streams.values()) {
      if (unreadSince !== undefined && unreadSince < (longest ?? Infinity)) longest = unreadSince;
    }
    return longest;
  }

  /** The stream with a number. `undefined` if it has not begun, or has ended. */
  get(id: number): Http2Stream | undefined {
    return this.#streams.get(id);
  }

  /**
   * Returns all streams, in the order in which they began. A stream may be deleted while the caller uses the
   * list.
   */
  all(): readonly Http2Stream[] {
    return [...this.#streams.values()];
  }

  /** Adds a stream that begins. */
  add(stream: Http2Stream): void {
    if (this.#streams.size === 0) this.#busySince = this.#now();
    this.#streams.set(stream.id, stream);
  }

  /** Removes a stream that has ended. */
  delete({ id }: Http2Stream): void {
    this.#streams.delete(id);
    if (this.#streams.size === 0) this.#idleSince = this.#now();
  }
}
