import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { createBrotli, readsBrotli } from "./brotli.ts";
import { readWholeStream } from "./whole_stream.ts";
import { createSafeZstd } from "./zstd.ts";

/** A body or an answer may grow to so many times its length, as texts do; more is a bomb. */
const MAX_RATIO = 100;
/** Small bodies may grow to this in any case. */
const SURELY_BYTES = 1024 * 1024;

/** The most bytes that so many may be when they are decompressed. */
export function mostPlainBytes(compressed: number): number {
  return Math.max(compressed * MAX_RATIO, SURELY_BYTES);
}

type Decoder = (
  body: Uint8Array,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, plain: Uint8Array) => void,
) => void;

/** A request's body without its `content-encoding`, and whether it had one. Throws like {@link decodeBody}. */
export async function plainBody(
  body: Uint8Array,
  { fields, maxBytes, hold, sender }: {
    fields: readonly Field[];
    maxBytes: number;
    hold: (bytes: number) => void;
    /** Whose body it is; broken bodies are counted by it. */
    sender?: string;
  },
): Promise<{ readonly plain: Uint8Array; readonly decoded: boolean }> {
  const encoding = (fieldValue(fields, "content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || body.length === 0) return { plain: body, decoded: false };
  return {
    plain: await decodeBody(body, { encoding, maxBytes, hold, ...(sender !== undefined && { sender }) }),
    decoded: true,
  };
}

/**
 * A compressed body as it was before. Throws a {@link ProxyFault}: `bad_request` for an unknown coding or broken
 * bytes, `payload_too_large` beyond `maxBytes`, before they have been made.
 */
export async function decodeBody(
  body: Uint8Array,
  { encoding, maxBytes, hold, sender = "anonymous" }: {
    encoding: string;
    maxBytes: number;
    hold: (bytes: number) => void;
    sender?: string;
  },
): Promise<Uint8Array> {
  // Loaded by the first such body: most proxies never see one.
  const zlib = await import("node:zlib");
  const source = { side: "client", name: sender } as const;
  const decoders: Readonly<Record<string, Decoder>> = {
    gzip: zlib.gunzip,
    "x-gzip": zlib.gunzip,
    deflate: zlib.inflate,
    br: (body, { maxOutputLength }, done) =>
      readWholeStream(createBrotli(zlib, source), body, { maxOutputLength, done }),
    zstd: (body, { maxOutputLength }, done) =>
      readWholeStream(createSafeZstd(zlib), body, { maxOutputLength, done }),
  };
  const decoder = Object.hasOwn(decoders, encoding) && (encoding !== "br" || readsBrotli(source))
    ? decoders[encoding]
    : undefined;
  if (decoder === undefined) {
    throw new ProxyFault(
      "bad_request",
      `The body's content-encoding ${encoding} is not known here; this body has to be read.`,
    );
  }
  const maxOutputLength = Math.min(maxBytes, mostPlainBytes(body.length));
  hold(body.length + maxOutputLength);
  const options = { maxOutputLength };
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  decoder(body, options, (error, plain) => error === null ? resolve(plain) : reject(error));
  try {
    return await promise;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ProxyFault(
        "payload_too_large",
        `The body is longer than ${maxOutputLength} bytes when it is decompressed, and it has to be read.`,
      );
    }
    throw new ProxyFault("bad_request", `The body is not proper ${encoding}.`, { cause: error });
  }
}
