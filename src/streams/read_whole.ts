import type { MessageBody } from "./byte_source.ts";
import { GrowingBuffer } from "./growing_buffer.ts";

/** The bytes that {@link readUpTo} read of a body. */
export interface ReadBytes {
  readonly bytes: Uint8Array;
  /** Whether the bytes are the whole body. If not, the body is longer, and its rest is unread. */
  readonly isWhole: boolean;
}

/**
 * Reads a body to its end, or until it is longer than `maxBytes`. Calls `hold` with the new length before it
 * keeps more bytes. Throws the error of the body or of `hold`. Returns a promise only if the body has not
 * arrived yet.
 */
export function readUpTo(
  body: Omit<MessageBody, "cancel">,
  maxBytes: number,
  hold: (bytes: number) => void = holdNothing,
): ReadBytes | Promise<ReadBytes> {
  const buffer = new GrowingBuffer(body.length ?? maxBytes);
  const isWhole = readArrived(body, { buffer, maxBytes, hold });
  return isWhole === undefined ? readOn(body, { buffer, maxBytes, hold }) : { bytes: buffer.bytes, isWhole };
}

interface Reading {
  readonly buffer: GrowingBuffer;
  readonly maxBytes: number;
  readonly hold: (bytes: number) => void;
}

async function readOn(body: Omit<MessageBody, "cancel">, reading: Reading): Promise<ReadBytes> {
  while (true) {
    await body.readable();
    const isWhole = readArrived(body, reading);
    if (isWhole !== undefined) return { bytes: reading.buffer.bytes, isWhole };
  }
}

/**
 * Reads the bytes that have arrived. Returns whether they are the whole body, or `undefined` if more bytes
 * follow.
 */
function readArrived(
  body: Pick<MessageBody, "tryRead">,
  { buffer, maxBytes, hold }: Reading,
): boolean | undefined {
  while (true) {
    const piece = body.tryRead();
    if (piece === undefined) return undefined;
    if (piece === null) return true;
    hold(buffer.length + piece.length);
    buffer.append(piece);
    if (buffer.length > maxBytes) return false;
  }
}

function holdNothing(): void {}
