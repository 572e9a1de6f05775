/**
 * Bytes that arrive over time, for one reader. The reader calls {@link tryRead} until it gives undefined,
 * then awaits {@link readable}, and calls {@link tryRead} again.
 */
export interface ByteSource {
  /**
   * The next bytes, valid until the next call of any method. Null: the end. Undefined: nothing has arrived
   * yet. Throws where the source broke off. After the end or a failure it never gives undefined again.
   */
  tryRead(): Uint8Array | null | undefined;
  /**
   * Resolves when {@link tryRead} is worth calling again, and perhaps earlier. Never rejects. Call it in the
   * same turn in which {@link tryRead} gave undefined: it waits for what arrives later.
   */
  readable(): Promise<void>;
  /** Tells the source that the reader wants no more bytes. */
  cancel(): void;
}

/** The body of a message with its length, from which the writer frames the message. */
export interface MessageBody extends ByteSource {
  /** The length in bytes. Undefined: not known before the body has ended. */
  readonly length: number | undefined;
}

/** The next bytes of a source, waiting for them. Null: the end. Throws where the source broke off. */
export async function nextPiece(
  source: Pick<ByteSource, "tryRead" | "readable">,
): Promise<Uint8Array | null> {
  while (true) {
    const piece = source.tryRead();
    if (piece !== undefined) return piece;
    await source.readable();
  }
}
