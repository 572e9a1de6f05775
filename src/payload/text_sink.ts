/** Destinations for the values that are measured and not stored. */

/**
 * Receives the values that are measured, piece by piece. For a string, it receives the bytes between the
 * quotes.
 */
export interface TextSink {
  /** Receives the next piece: `bytes` from `from` up to `to`. It is valid only during the call. */
  readonly write: (bytes: Uint8Array, from: number, to: number) => void;
  /**
   * Reads the next piece of a string from `from`. It stops at the quote that ends the string, at an escape
   * that `write` must read, or at `to`. Returns the index of the first byte that it has not read.
   */
  readonly writeText: (bytes: Uint8Array, from: number, to: number) => number;
  /** Receives the length of a number in bytes, instead of its pieces. */
  readonly number?: (length: number) => void;
  /** Called at the end of the value, after its last bytes. */
  readonly end: () => void;
  /**
   * Called at the beginning of a value, with its path in the selection. Only sinks for media have this
   * function.
   */
  readonly begins?: (path: string) => void;
  /**
   * Called at the beginning and at the end of a container with selected values. Later values belong to
   * another container.
   */
  readonly boundary?: () => void;
}

/** A sink that ignores all values, for selections without measured values. */
export const NO_SINK: TextSink = { write() {}, writeText: (_, from) => from, end() {} };
