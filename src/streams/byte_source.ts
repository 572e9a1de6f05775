/**
 * Bytes that arrive over time, for one reader. The reader calls {@link tryRead} until it returns `undefined`,
 * then awaits {@link readable}, and calls {@link tryRead} again.
 */
export interface ByteSource {
  /**
   * Returns the next bytes, which are valid until the next call of any method. Returns `null` at the end, and
   * `undefined` if nothing has arrived yet. Throws if the source broke off. After the end or a failure, it
   * never returns `undefined` again.
   */
  tryRead(): Uint8Array | null | undefined;
  /**
   * Resolves when {@link tryRead} is worth calling again, and perhaps earlier. Never rejects. Call it in the
   * same turn in which {@link tryRead} returned `undefined`, because it waits for bytes that arrive later.
   */
  readable(): Promise<void>;
  /** Ends the reading: the reader wants no more bytes. */
  cancel(): void;
}

/** The body of a message with its length, from which the writer frames the message. */
export interface MessageBody extends ByteSource {
  /** The length in bytes. `undefined` if it is not known before the body has ended. */
  readonly length: number | undefined;
}

/** Waits for the next bytes of a source. Returns `null` at the end. Throws if the source broke off. */
export async function nextPiece(
  source: Pick<ByteSource, "tryRead" | "readable">,
): Promise<Uint8Array | null> {
  while (true) {
    const piece = source.tryRead();
    if (piece !== undefined) return piece;
    await source.readable();
  }
}
