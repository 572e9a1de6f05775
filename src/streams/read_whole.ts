import type { MessageBody } from "./byte_source.ts";
import { GrowingBuffer } from "./growing_buffer.ts";

/** What was read of a body. */
export interface ReadBytes {
  readonly bytes: Uint8Array;
  /** False: the body is longer, and its rest has not been read. */
  readonly isWhole: boolean;
}

/**
 * Reads a body until its end, or until it is longer than so many bytes. `hold` is called with the length so far before
 * more is kept. Throws what the body or `hold` throws.
 */
export async function readUpTo(
  body: Omit<MessageBody, "cancel">,
  maxBytes: number,
  hold: (bytes: number) => void = () => {},
): Promise<ReadBytes> {
  const buffer = new GrowingBuffer(body.length ?? maxBytes);
  while (true) {
    const atHand = body.tryRead();
    const piece = atHand === undefined ? await body.read() : atHand;
    if (piece === null) return { bytes: buffer.bytes, isWhole: true };
    hold(buffer.length + piece.length);
    buffer.append(piece);
    if (buffer.length > maxBytes) return { bytes: buffer.bytes, isWhole: false };
  }
}
