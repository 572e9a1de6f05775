/**
 * The runtime's reader of zstd, made safe: where it meets broken bytes behind the first 16 KiB that it gives, it throws
 * outside of every handler, which would end the process.
 */

/** What is needed of node:zlib, which is loaded by the first compressed body. */
type Zlib = typeof import("node:zlib");
type ZstdStream = ReturnType<Zlib["createZstdDecompress"]>;

/** The runtime's name for the function that decompresses. */
const NATIVE_WRITE = "kNativeWrite";

/** A stream that reads zstd, and ends with an error at broken bytes. Throws where the runtime cannot be made safe. */
export function createSafeZstd(zlib: Zlib): ZstdStream {
  const stream = zlib.createZstdDecompress();
  const handle: unknown = Reflect.get(stream, "_handle");
  if (typeof handle !== "object" || handle === null) throw new TypeError("no reader of zstd");
  const key = Object.getOwnPropertySymbols(handle).find(({ description }) => description === NATIVE_WRITE);
  const write: unknown = key && Reflect.get(handle, key);
  if (key === undefined || typeof write !== "function") throw new TypeError("no reader of zstd that is safe");
  Reflect.set(handle, key, function (this: unknown, ...given: unknown[]): unknown {
    try {
      return Reflect.apply(write, this, given);
    } catch (error) {
      // The runtime looks for that before it goes on.
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  });
  return stream;
}
