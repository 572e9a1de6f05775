import { concat } from "../streams/bytes.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";

type Zlib = typeof import("node:zlib");
type Decompressing = ReturnType<
  Zlib["createGunzip"] | Zlib["createInflate"] | Zlib["createBrotliDecompress"] | Zlib["createZstdDecompress"]
>;

/** A stream that decodes one body. */
export interface BodyDecoder {
  readonly stream: Decompressing;
  /** Whether the stream fails if the end of the body is missing. The runtime's for brotli and zstd do not. */
  readonly noticesEnd: boolean;
}

/**
 * A byte that is added after the end of a body. No decoder reads it, so it is left over if the body is
 * complete.
 */
const EXTRA_BYTE = Uint8Array.of(0);

/**
 * Decodes a whole body. Calls `hold` with the number of decoded bytes before it keeps them, and rejects with
 * what `hold` throws. Rejects with a RangeError if there are more than `maxBytes`, and with another error if
 * the body is malformed.
 */
export function readWholeStream(
  { stream, noticesEnd }: BodyDecoder,
  body: Uint8Array,
  { maxBytes, hold }: { readonly maxBytes: number; readonly hold: (bytes: number) => void },
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const plain = new GrowingBuffer(maxBytes);
  const keep = (piece: Uint8Array): void => {
    const length = plain.length + piece.length;
    if (length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
    hold(length);
    plain.append(piece);
  };
  stream.on("data", (piece: Uint8Array) => {
    try {
      keep(piece);
    } catch (error) {
      reject(error);
      stream.destroy();
    }
  });
  stream.on("error", reject);
  stream.on("end", () => {
    if (noticesEnd || stream.bytesWritten === body.length) resolve(plain.bytes);
    else reject(new Error("no end, or bytes after it"));
  });
  // The body and the byte are sent in one piece, because the stream for zstd reads another piece as another
  // frame.
  stream.end(noticesEnd ? body : concat([body, EXTRA_BYTE]));
  return promise;
}
