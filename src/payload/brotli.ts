/**
 * The runtime's reader of brotli, used only as long as it is safe: for some broken bodies it loses 25 KB of memory each,
 * which nothing gives back (Deno 2.9.6).
 */

/** What is needed of node:zlib, which is loaded by the first compressed body. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/** So many broken bodies of each side are read in the life of the process: 25 MB are lost then. */
const MOST_BROKEN = 1_000;

/** Of the whole process, as the memory is. Apart, so that clients cannot keep the proxy from reading answers. */
const broken = { clients: 0, upstreams: 0 };

/** Whose bodies are read. */
export type Side = keyof typeof broken;

/** Whether brotli of a side is still read. */
export function readsBrotli(side: Side): boolean {
  return broken[side] < MOST_BROKEN;
}

/** A stream that reads brotli of a side. */
export function createBrotli(
  zlib: Zlib,
  side: Side,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => broken[side]++);
  return stream;
}
