import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";

type Zlib = typeof import("node:zlib");
type Decompressing = ReturnType<Zlib["createBrotliDecompress"] | Zlib["createZstdDecompress"]>;

/**
 * A byte that is added after the end of a body. No decoder reads it, so it is left over if the body is
 * complete.
 */
const EXTRA_BYTE = Uint8Array.of(0);

/**
 * Decodes a body with a stream that does not notice a missing end. The runtime's streams for brotli and zstd
 * are of this kind. Calls `done` with an Error if the end is missing or if bytes follow it. Calls it with a
 * RangeError if there are more than `maxOutputLength` bytes.
 */
export function readWholeStream(
  stream: Decompressing,
  body: Uint8Array,
  { maxOutputLength, done }: {
    readonly maxOutputLength: number;
    readonly done: (error: Error | null, plain: Uint8Array) => void;
  },
): void {
  const plain = new GrowingBuffer();
  stream.on("data", (piece: Uint8Array) => {
    if (plain.length + piece.length <= maxOutputLength) plain.append(piece);
    else stream.destroy(new RangeError(`more than ${maxOutputLength} bytes`));
  });
  stream.on("error", (error: Error) => done(error, plain.bytes));
  stream.on("end", () => {
    const isWhole = stream.bytesWritten === body.length;
    done(isWhole ? null : new Error("no end, or bytes after it"), plain.bytes);
  });
  // The body and the byte are sent in one piece, because the stream for zstd reads another piece as another
  // frame.
  stream.end(concat([body, EXTRA_BYTE]));
}
