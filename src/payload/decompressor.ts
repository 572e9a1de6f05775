/** Decompresses what is only looked at, beside the answer that passes. */

import type { Transform } from "node:stream";
import { createBrotli, readsBrotli } from "./brotli.ts";
import { mostPlainBytes } from "./decode_body.ts";
import { createPause } from "./pace.ts";
import { createSafeZstd } from "./zstd.ts";

const CODINGS = ["gzip", "x-gzip", "deflate", "br", "zstd"];
/** So much may wait for the decompressor; a stream that is faster is not looked at any further. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Long answers may grow to this at most. */
const MAX_PLAIN_BYTES = 256 * 1024 * 1024;

/** One compressed answer. Never throws; what is broken ends it early. */
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

  /** Whether a content coding is known, and read where this upstream sends it. */
  static knows(coding: string, upstream: string): boolean {
    return CODINGS.includes(coding) && (coding !== "br" || readsBrotli({ side: "upstream", name: upstream }));
  }

  /** `take` gets the plain bytes, piece by piece. */
  constructor(
    { coding, upstream }: { coding: string; upstream: string },
    take: (bytes: Uint8Array) => void,
  ) {
    this.#take = take;
    this.#opening = this.#open(coding, upstream);
  }

  /** The next compressed piece; it is copied. */
  write(piece: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#waitingBytes += piece.length;
    this.#compressedBytes += piece.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) return this.#giveUp();
    const copy = piece.slice();
    if (this.#stream === undefined) this.#early.push(copy);
    else this.#pass(this.#stream, copy);
  }

  /** Resolves once all that came was looked at. */
  async end(): Promise<void> {
    await this.#opening;
    this.#stream?.end();
    await this.#ended.promise;
  }

  async #open(coding: string, upstream: string): Promise<void> {
    // Loaded by the first such answer.
    const zlib = await import("node:zlib");
    // A stream that was cut is looked at as far as it came.
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

/** Node's buffers are arrays whose `slice` does not copy. */
function asPlainArray({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
