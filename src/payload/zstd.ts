/**
 * The runtime's decoder of zstd, made safe. If malformed bytes come after the first 16 KiB of output, it
 * throws an error that no handler can catch, and which would end the process (Deno 2.9.6).
 */

/** The type of the module node:zlib. It is loaded for the first compressed body. */
type Zlib = typeof import("node:zlib");
type ZstdStream = ReturnType<Zlib["createZstdDecompress"]>;

/** The name under which the runtime keeps the function that decompresses. */
const NATIVE_WRITE = "kNativeWrite";

/**
 * Makes a stream that decodes zstd, and fails at malformed bytes. Throws if this runtime cannot be made safe.
 */
export function createSafeZstd(zlib: Zlib): ZstdStream {
  const stream = zlib.createZstdDecompress();
  const handle: unknown = Reflect.get(stream, "_handle");
  if (typeof handle !== "object" || handle === null) throw new TypeError("no decoder of zstd");
  const key = Object.getOwnPropertySymbols(handle).find(({ description }) => description === NATIVE_WRITE);
  const write: unknown = key && Reflect.get(handle, key);
  if (key === undefined || typeof write !== "function") throw new TypeError("no safe decoder of zstd");
  Reflect.set(handle, key, function (this: unknown, ...given: unknown[]): unknown {
    try {
      return Reflect.apply(write, this, given);
    } catch (error) {
      // The runtime checks whether the stream is destroyed before it continues.
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  });
  return stream;
}
