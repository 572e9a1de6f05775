/**
 * The runtime's reader of brotli, used only as long as it is safe: for some broken bodies it loses 25 KB of memory each,
 * which nothing gives back (Deno 2.9.6).
 */

/** What is needed of node:zlib, which is loaded by the first compressed body. */
type Zlib = typeof import("node:zlib");
type BrotliStream = ReturnType<Zlib["createBrotliDecompress"]>;

/** At most so many broken bodies of each side are read in the life of the process: 25 MB are lost then. */
const MOST_BROKEN = 1_000;

/** Whose body is read. */
export interface BrotliSource {
  readonly side: "client" | "upstream";
  /** The client or the backend: broken bodies of one do not end the reading of others' bodies. */
  readonly name: string;
}

/** Counts broken bodies of one side. Of the whole process, as the lost memory is. */
class BrokenBodies {
  #total = 0;
  readonly #byName = new Map<string, number>();

  /** Whether one more may break. Each may break no more than what is left for others, so that none uses up all. */
  isAllowed(name: string): boolean {
    return (this.#byName.get(name) ?? 0) < MOST_BROKEN - this.#total;
  }

  add(name: string): void {
    this.#total++;
    this.#byName.set(name, (this.#byName.get(name) ?? 0) + 1);
  }
}

const broken = { client: new BrokenBodies(), upstream: new BrokenBodies() };

/** Whether brotli of this source is still read. */
export function readsBrotli({ side, name }: BrotliSource): boolean {
  return broken[side].isAllowed(name);
}

/** A stream that reads brotli. */
export function createBrotli(
  zlib: Zlib,
  { side, name }: BrotliSource,
  options?: Parameters<Zlib["createBrotliDecompress"]>[0],
): BrotliStream {
  const stream = zlib.createBrotliDecompress(options);
  stream.once("error", () => broken[side].add(name));
  return stream;
}
