/**
 * Compressed bodies against the runtime's own reader at a stretch, and against the reader of answers in
 * pieces.
 */

import * as zlib from "node:zlib";
import { canDecode } from "../../../src/payload/content_coding.ts";
import { Decompressor } from "../../../src/payload/decompressor.ts";
import { ProxyFault } from "../../../src/faults.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { decodeBody } from "../../../src/payload/decode_body.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same, utf8 } from "../target.ts";

const CODINGS = ["gzip", "deflate", "br", "zstd", "x-gzip", "constructor"] as const;
const MAX_BYTES = 64 * 1024;
const SURELY_BYTES = 1024 * 1024;
const AT_ONCE: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: zlib.gunzipSync,
  "x-gzip": zlib.gunzipSync,
  deflate: zlib.inflateSync,
  zstd: zlib.zstdDecompressSync,
};

/** The first byte chooses the coding. */
function parted(input: Uint8Array): { encoding: string; body: Uint8Array } {
  return { encoding: CODINGS[(input[0] ?? 0) % CODINGS.length] ?? "gzip", body: input.subarray(1) };
}

async function decoded(input: Uint8Array): Promise<Uint8Array | ProxyFault> {
  const { encoding, body } = parted(input);
  let heldBytes = -1;
  try {
    const plain = await decodeBody(body, {
      encoding,
      maxBytes: MAX_BYTES,
      hold: (bytes) => heldBytes = bytes,
    });
    holds(plain.length <= MAX_BYTES && heldBytes >= plain.length, "no more than was allowed and held");
    return plain;
  } catch (error) {
    if (error instanceof ProxyFault) return error;
    throw error;
  }
}

async function check(input: Uint8Array, chance: Random): Promise<string> {
  const plain = await decoded(input);
  const { encoding, body } = parted(input);
  if (plain instanceof ProxyFault) {
    holds(["bad_request", "payload_too_large"].includes(plain.code), `the fault ${plain.code}`);
    return plain.code + plain.message.replaceAll(/\d+/g, "N");
  }
  // The runtime's own reader of brotli at a stretch prints a line and loses memory at broken bodies; it is
  // not used.
  const atOnce = AT_ONCE[encoding]?.(body);
  if (atOnce !== undefined) same(latin1Text(plain), latin1Text(atOnce), "what comes out");
  const pieces: Uint8Array[] = [];
  const source = { side: "upstream", name: "fuzz" } as const;
  if (!canDecode(encoding, source)) throw new Error(`${encoding} was decoded once`);
  const stream = new Decompressor(
    { coding: encoding, upstream: "fuzz" },
    (bytes) => pieces.push(bytes.slice()),
  );
  for (const piece of inPieces(body, chance)) stream.write(piece);
  await stream.end();
  same(latin1Text(concat(pieces)), latin1Text(plain), "what comes out in pieces");
  return `${encoding}, ${Math.min(plain.length, 3)}`;
}

const TEXT = utf8('{"model":"a","messages":[{"role":"user","content":"hi hi hi hi hi"}]}');

/** Several times what the runtime's readers give at once, and short when it is compressed. */
const LONG = utf8(Array.from({ length: 5_000 }, (_, index) => `hi ${index % 70} `).join(""));

/** Bodies with a content coding. */
export const target: FuzzTarget = {
  name: "decode_body",
  seeds: [
    zlib.gzipSync(TEXT),
    zlib.deflateSync(TEXT),
    zlib.brotliCompressSync(TEXT),
    zlib.zstdCompressSync(TEXT),
    zlib.gzipSync(LONG),
    zlib.deflateSync(LONG),
    zlib.brotliCompressSync(LONG),
    zlib.zstdCompressSync(LONG),
    concat([zlib.gzipSync(TEXT), zlib.gzipSync(TEXT)]),
    zlib.gzipSync(new Uint8Array(SURELY_BYTES)),
    zlib.deflateRawSync(TEXT),
  ].map((body, index) => concat([Uint8Array.of(index % 4), body])),
  words: [
    "\x1f\x8b\x08\x00",
    "\x28\xb5\x2f\xfd",
    "\x78\x9c",
    "\x00\x00\xff\xff",
    "\x03",
    "\x00",
    "\x01",
    "\x02",
  ],
  check,
  read: decoded,
};
