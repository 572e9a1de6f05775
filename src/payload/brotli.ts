/**
 * The runtime's reader of brotli, used only as long as it is safe: for some broken bodies it loses 25 KB of memory each,
 * which nothing gives back (Deno 2.9.6).
 */

/** What is needed of node:zlib, which is loaded by the first compressed body. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/** Broken bodies in the life of the process after which brotli is read no more: 25 MB are lost then. */
const MOST_BROKEN = 1_000;

/** Of the whole process, as the memory is. */
let broken = 0;

/** Whether brotli is still read. */
export function readsBrotli(): boolean {
  return broken < MOST_BROKEN;
}

/** A stream that reads brotli. */
export function createBrotli(
  zlib: Zlib,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => broken++);
  return stream;
}
