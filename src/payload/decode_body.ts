import { ProxyFault } from "../faults.ts";
import type { Field } from "../http/fields.ts";
import { createBrotli } from "./brotli.ts";
import { canDecode, contentCodingOf, type DecodedCoding } from "./content_coding.ts";
import { type BodyDecoder, readWholeStream } from "./whole_stream.ts";
import { createSafeZstd } from "./zstd.ts";

/**
 * The highest ratio of the decompressed length to the compressed length. Text can have this ratio. A body
 * with a higher one is a decompression bomb.
 */
const MAX_RATIO = 100;
/** Up to this size in bytes, a body may decompress at any ratio. */
const SMALL_BYTES = 1024 * 1024;

/** Returns the highest number of bytes to which `compressed` bytes may decompress. */
export function mostPlainBytes(compressed: number): number {
  return Math.max(compressed * MAX_RATIO, SMALL_BYTES);
}

/**
 * Decodes the body of a request by its `content-encoding`. Returns the body if it has none. Throws like
 * {@link decodeBody}.
 */
export async function plainBody(
  body: Uint8Array,
  { fields, maxBytes, hold, sender }: {
    fields: readonly Field[];
    maxBytes: number;
    hold: (bytes: number) => void;
    /** The client, by which malformed bodies are counted. */
    sender?: string;
  },
): Promise<{ readonly plain: Uint8Array; readonly decoded: boolean }> {
  const encoding = contentCodingOf(fields);
  if (encoding === "identity" || body.length === 0) return { plain: body, decoded: false };
  return {
    plain: await decodeBody(body, { encoding, maxBytes, hold, ...(sender !== undefined && { sender }) }),
    decoded: true,
  };
}

/**
 * Decodes a complete compressed body strictly, because the proxy sends the result. ({@link Decompressor}
 * reads responses while they pass, and never fails.) Calls `hold` with the number of bytes that it keeps,
 * each time before it keeps more. Throws a {@link ProxyFault}: that of `hold`, `bad_request` for an
 * unknown coding or a malformed body, `payload_too_large` if the result is longer than `maxBytes`.
 */
export async function decodeBody(
  body: Uint8Array,
  { encoding, maxBytes, hold, sender = "anonymous" }: {
    encoding: string;
    maxBytes: number;
    hold: (bytes: number) => void;
    /** The client, by which malformed bodies are counted. */
    sender?: string;
  },
): Promise<Uint8Array> {
  // The module is loaded for the first compressed body. Most proxies never get one.
  const zlib = await import("node:zlib");
  const source = { side: "client", name: sender } as const;
  const decoders: Readonly<Record<DecodedCoding, () => BodyDecoder>> = {
    gzip: () => ({ stream: zlib.createGunzip(), noticesEnd: true }),
    "x-gzip": () => ({ stream: zlib.createGunzip(), noticesEnd: true }),
    deflate: () => ({ stream: zlib.createInflate(), noticesEnd: true }),
    br: () => ({ stream: createBrotli(zlib, source), noticesEnd: false }),
    zstd: () => ({ stream: createSafeZstd(zlib), noticesEnd: false }),
  };
  if (!canDecode(encoding, source)) {
    throw new ProxyFault(
      "bad_request",
      `The proxy must read the body, and does not know its content-encoding ${encoding}.`,
    );
  }
  const maxPlainBytes = Math.min(maxBytes, mostPlainBytes(body.length));
  const decoder = decoders[encoding]();
  try {
    return await readWholeStream(decoder, body, {
      maxBytes: maxPlainBytes,
      hold: (bytes) => hold(body.length + bytes),
    });
  } catch (error) {
    if (error instanceof ProxyFault) throw error;
    if (error instanceof RangeError) {
      throw new ProxyFault(
        "payload_too_large",
        `The proxy must read the body, and it is longer than ${maxPlainBytes} bytes when decompressed.`,
      );
    }
    throw new ProxyFault("bad_request", `The body is malformed ${encoding}.`, { cause: error });
  }
}
