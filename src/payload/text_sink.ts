/** Where the values go that are measured and not stored. */

/**
 * Receives the values that are measured, piece by piece. Of a string it receives the bytes between the
 * quotes.
 */
export interface TextSink {
  /** The next piece: `bytes` from `from` up to `to`, valid only during the call. */
  readonly write: (bytes: Uint8Array, from: number, to: number) => void;
  /**
   * Reads the next piece of a string from `from` up to the quote that ends the string, an escape that `write`
   * must read, or `to`. Returns the index of the first byte that it has not read.
   */
  readonly writeText: (bytes: Uint8Array, from: number, to: number) => number;
  /** A number of so many bytes, instead of pieces. */
  readonly number?: (length: number) => void;
  /** Called at the end of the value, after its last bytes. */
  readonly end: () => void;
  /** A value begins whose place in the selection has this path. Only sinks for media receive this. */
  readonly begins?: (path: string) => void;
  /** A container with selected values begins or ends, so that later values belong to another one. */
  readonly boundary?: () => void;
}

/** A sink that ignores all values, for selections without measured values. */
export const NO_SINK: TextSink = { write() {}, writeText: (_, from) => from, end() {} };
