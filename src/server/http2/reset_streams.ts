/** Streams that the proxy has reset, and of which frames may still be on their way. */
const MAX_STREAMS = 400;

/** The last streams that the proxy has reset. Their frames may still be on their way, and are no errors. */
export class ResetStreams {
  readonly #streams = new Set<number>();

  /** Whether the proxy has reset a stream, as far as it remembers. */
  has(stream: number): boolean {
    return this.#streams.has(stream);
  }

  /** Remembers a stream. Forgets the oldest one if there are too many. */
  add(stream: number): void {
    this.#streams.add(stream);
    if (this.#streams.size <= MAX_STREAMS) return;
    for (const oldest of this.#streams) {
      this.#streams.delete(oldest);
      return;
    }
  }
}
