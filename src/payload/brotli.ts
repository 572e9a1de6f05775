/**
 * The runtime's decoder of brotli, with a limit: it leaks 25 KB of memory for some malformed bodies (Deno
 * 2.9.6).
 */

/** The module node:zlib. The first compressed body loads it. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/**
 * After at most this many malformed bodies of one side, the process has leaked 25 MB and decodes no more
 * brotli.
 */
const MAX_MALFORMED = 1_000;

/** Who sent a compressed body: a client or an upstream. */
export interface BodySource {
  readonly side: "client" | "upstream";
  /**
   * The name of the client or the backend. Malformed bodies of one sender do not stop the decoding for
   * others.
   */
  readonly name: string;
}

/**
 * Counts the malformed bodies of one side. Module state, because the leaked memory belongs to the process.
 */
class MalformedBodies {
  #total = 0;
  readonly #byName = new Map<string, number>();

  /**
   * Whether a sender may send one more malformed body. A sender may send at most as many as it leaves for
   * others.
   */
  isAllowed(name: string): boolean {
    return (this.#byName.get(name) ?? 0) < MAX_MALFORMED - this.#total;
  }

  add(name: string): void {
    this.#total++;
    this.#byName.set(name, (this.#byName.get(name) ?? 0) + 1);
  }
}

const malformed = { client: new MalformedBodies(), upstream: new MalformedBodies() };

/** Whether the proxy still decodes brotli of a sender. */
export function readsBrotli({ side, name }: BodySource): boolean {
  return malformed[side].isAllowed(name);
}

/** A stream that decodes brotli of a sender, and counts malformed bodies. */
export function createBrotli(
  zlib: Zlib,
  { side, name }: BodySource,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => malformed[side].add(name));
  return stream;
}
