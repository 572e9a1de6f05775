/**
 * The runtime's decoder of brotli, with a limit: it leaks 25 KB of memory for some malformed bodies (Deno
 * 2.9.6).
 */

/** The module node:zlib. The first compressed body loads it. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/**
 * After this many malformed bodies of one side, the process has leaked 25 MB and decodes no more brotli of
 * that side.
 */
const MOST_BROKEN = 1_000;

/**
 * The malformed bodies of each side. Module state, because the memory belongs to the process. The sides count
 * separately, so that clients cannot stop the proxy from reading responses.
 */
const malformed = { clients: 0, upstreams: 0 };

/** The side whose bodies are decoded: requests of clients, or responses of upstreams. */
export type Side = keyof typeof malformed;

/** Whether the proxy still decodes brotli of a side. */
export function readsBrotli(side: Side): boolean {
  return malformed[side] < MOST_BROKEN;
}

/** A stream that decodes brotli of a side, and counts malformed bodies. */
export function createBrotli(
  zlib: Zlib,
  side: Side,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => malformed[side]++);
  return stream;
}
