/** Decompresses a copy of a response for accounting, while the response itself passes compressed. */

import type { Transform } from "node:stream";
import { createBrotli } from "./brotli.ts";
import type { DecodedCoding } from "./content_coding.ts";
import { mostPlainBytes } from "./decode_body.ts";
import { createPause } from "./pace.ts";
import { createSafeZstd } from "./zstd.ts";

/** The most bytes that may wait for the decompressor. The rest of a faster stream is not read. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** The most decompressed bytes that are read of one response. */
const MAX_PLAIN_BYTES = 256 * 1024 * 1024;

/**
 * Decompresses one response, piece by piece. Never throws: a malformed response ends early.
 * {@link decodeBody} decodes complete requests strictly instead.
 */
export class Decompressor {
  readonly #take: (bytes: Uint8Array) => void;
  #stream: Transform | undefined;
  readonly #opening: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  #early: Uint8Array[] = [];
  #waitingBytes = 0;
  #plainBytes = 0;
  #compressedBytes = 0;
  #hasEnded = false;

  /**
   * `take` receives the decompressed bytes, piece by piece. `upstream` is the name of the backend, by which
   * malformed bodies are counted.
   */
  constructor(
    { coding, upstream }: { coding: DecodedCoding; upstream: string },
    take: (bytes: Uint8Array) => void,
  ) {
    this.#take = take;
    this.#opening = this.#open(coding, upstream);
  }

  /** Copies and decompresses the next piece. */
  write(piece: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#waitingBytes += piece.length;
    this.#compressedBytes += piece.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) return this.#giveUp();
    const copy = piece.slice();
    if (this.#stream === undefined) this.#early.push(copy);
    else this.#pass(this.#stream, copy);
  }

  /** Ends the response. Resolves when `take` has received all of its decompressed bytes. */
  async end(): Promise<void> {
    await this.#opening;
    this.#stream?.end();
    await this.#ended.promise;
  }

  async #open(coding: DecodedCoding, upstream: string): Promise<void> {
    // The module is loaded for the first compressed response.
    const zlib = await import("node:zlib");
    // If a stream broke off, the part that has arrived is decompressed.
    const lenient = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
    const stream: Transform = coding === "br"
      ? createBrotli(zlib, { side: "upstream", name: upstream }, {
        finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
      })
      : coding === "zstd"
      ? createSafeZstd(zlib)
      : coding === "deflate"
      ? zlib.createInflate(lenient)
      : zlib.createGunzip(lenient);
    const pause = createPause();
    stream.on("data", (bytes: Uint8Array) => {
      this.#plainBytes += bytes.length;
      const most = Math.min(MAX_PLAIN_BYTES, mostPlainBytes(this.#compressedBytes));
      if (this.#plainBytes > most) this.#giveUp();
      else if (!this.#hasEnded) {
        this.#take(asPlainArray(bytes));
        const paused = pause();
        if (paused === undefined) return;
        stream.pause();
        paused.then(() => stream.resume());
      }
    });
    stream.on("error", () => this.#giveUp());
    stream.on("end", () => this.#giveUp());
    this.#stream = stream;
    for (const piece of this.#early.splice(0)) this.#pass(stream, piece);
  }

  #pass(stream: Transform, piece: Uint8Array): void {
    stream.write(piece, () => void (this.#waitingBytes -= piece.length));
  }

  #giveUp(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#early = [];
    this.#stream?.destroy();
    this.#ended.resolve();
  }
}

/** Converts a Node buffer, whose `slice` does not copy, to a plain array. */
function asPlainArray({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
