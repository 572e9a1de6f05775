/**
 * The runtime's decoder of brotli, with a limit of malformed bodies. The decoder leaks 25 KB of memory for
 * some of them (Deno 2.9.6).
 */

/** The type of the module node:zlib. It is loaded for the first compressed body. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/**
 * The most malformed bodies of one side. They leak up to 25 MB, and after them the process decodes no more
 * brotli of this side.
 */
const MAX_MALFORMED = 1_000;

/** The sender of a compressed body: a client or an upstream. */
export interface BodySource {
  readonly side: "client" | "upstream";
  /**
   * The name of the client or the backend. The malformed bodies of one sender do not stop the decoding for
   * other senders.
   */
  readonly name: string;
}

/**
 * Counts the malformed bodies of one side. It is state of the module, because the leaked memory belongs to
 * the process.
 */
class MalformedBodies {
  #total = 0;
  readonly #byName = new Map<string, number>();

  /**
   * Whether a sender may send one more malformed body. It may send only as many as it leaves for the other
   * senders.
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

/** Makes a stream that decodes brotli of a sender, and counts malformed bodies. */
export function createBrotli(
  zlib: Zlib,
  { side, name }: BodySource,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => malformed[side].add(name));
  return stream;
}
