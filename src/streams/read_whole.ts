import type { MessageBody } from "./byte_source.ts";
import { GrowingBuffer } from "./growing_buffer.ts";

/** The bytes that {@link readUpTo} read of a body. */
export interface ReadBytes {
  readonly bytes: Uint8Array;
  /** Whether the bytes are the whole body. False: the body is longer, and its rest is unread. */
  readonly isWhole: boolean;
}

/**
 * Reads a body to its end, or until it is longer than `maxBytes`. Calls `hold` with the new length before it
 * keeps more bytes. Throws what the body or `hold` throws.
 */
export async function readUpTo(
  body: Omit<MessageBody, "cancel">,
  maxBytes: number,
  hold: (bytes: number) => void = () => {},
): Promise<ReadBytes> {
  const buffer = new GrowingBuffer(body.length ?? maxBytes);
  while (true) {
    const piece = body.tryRead();
    if (piece === undefined) {
      await body.readable();
      continue;
    }
    if (piece === null) return { bytes: buffer.bytes, isWhole: true };
    hold(buffer.length + piece.length);
    buffer.append(piece);
    if (buffer.length > maxBytes) return { bytes: buffer.bytes, isWhole: false };
  }
}
