/** The most reset streams that are remembered. */
const MAX_STREAMS = 400;

/** The last streams that the proxy has reset. Their frames may still arrive, and are not errors. */
export class ResetStreams {
  readonly #streams = new Set<number>();

  /** Whether the proxy has reset a stream recently. */
  has(stream: number): boolean {
    return this.#streams.has(stream);
  }

  /** Adds a stream. If there are too many, drops the oldest one. */
  add(stream: number): void {
    this.#streams.add(stream);
    if (this.#streams.size <= MAX_STREAMS) return;
    for (const oldest of this.#streams) {
      this.#streams.delete(oldest);
      return;
    }
  }
}
