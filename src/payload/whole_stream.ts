import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";

type Zlib = typeof import("node:zlib");
type Decompressing = ReturnType<Zlib["createBrotliDecompress"] | Zlib["createZstdDecompress"]>;

/** No coding has a use for a byte behind its end: it is left where the body is whole. */
const BYTE_BEHIND = Uint8Array.of(0);

/**
 * Reads a body whole with a stream that takes a body without its end for a whole one, as the runtime's do for brotli
 * and zstd. An Error for a body that has no end, or bytes behind it; a RangeError for more than `maxOutputLength`.
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
    done(isWhole ? null : new Error("no end, or bytes behind it"), plain.bytes);
  });
  // In one piece: zstd takes another one for another frame.
  stream.end(concat([body, BYTE_BEHIND]));
}
