import type { createClient } from "@redis/client";

/** The most bytes that arrive without an answer to a call. The answers have some kilobytes. */
const MAX_BYTES = 4 * 2 ** 20;

/** Counts the bytes that a server sends, because the client keeps an answer of any length in memory. */
export class AnswerBound {
  #bytes = 0;

  /** Calls `onTooLong` in place of reading on. */
  constructor(client: Pick<ReturnType<typeof createClient>, "_getQueue">, onTooLong: () => void) {
    // The client gives its bytes to nothing else. The method has types, but no documentation; the version is
    // pinned.
    const { decoder } = client._getQueue();
    const write = decoder.write.bind(decoder);
    decoder.write = (chunk) => {
      this.#bytes += chunk.length;
      if (this.#bytes <= MAX_BYTES) write(chunk);
      else onTooLong();
    };
  }

  /** A call got its answer. */
  answered(): void {
    this.#bytes = 0;
  }
}
