/** Bytes on their way. Only one reader at a time. */
export interface ByteSource {
  /** The next bytes, or null at the end. They are valid until the next call. Throws when the source breaks off. */
  readonly read: () => Promise<Uint8Array | null>;
  /** Like {@link read} without waiting: undefined where nothing is at hand. */
  readonly tryRead: () => Uint8Array | null | undefined;
  /** No more is wanted. */
  readonly cancel: () => void;
}

/** A message's body together with its length, from which the writer frames the message. */
export interface MessageBody extends ByteSource {
  /** In bytes; undefined: not known before the body has ended. */
  readonly length: number | undefined;
}
