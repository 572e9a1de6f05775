import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";

type Zlib = typeof import("node:zlib");
type Decompressing = ReturnType<Zlib["createBrotliDecompress"] | Zlib["createZstdDecompress"]>;

/** No decoder reads a byte after the end of a body, so this byte is left over if the body is complete. */
const EXTRA_BYTE = Uint8Array.of(0);

/**
 * Decodes a body with a stream that does not notice a missing end, as the runtime's streams for brotli and
 * zstd. Calls `done` with an Error if the end is missing or more bytes follow it, and with a RangeError for
 * more than `maxOutputLength` bytes.
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
  // In one piece, because the stream for zstd reads another piece as another frame.
  stream.end(concat([body, EXTRA_BYTE]));
}
