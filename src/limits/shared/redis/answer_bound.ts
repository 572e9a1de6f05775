import type { createClient } from "@redis/client";

/** The most bytes that may arrive without an answer to a call. A valid answer has a few kilobytes. */
const MAX_BYTES = 4 * 2 ** 20;

/** Counts the bytes that a server sends, because the client keeps an answer of any length in memory. */
export class AnswerBound {
  #bytes = 0;

  /** Calls `onTooLong` if the bytes exceed the limit. The client then reads no more of them. */
  constructor(client: Pick<ReturnType<typeof createClient>, "_getQueue">, onTooLong: () => void) {
    // All bytes of the client pass through `decoder`. `_getQueue` has types but no documentation, so the
    // version of the package is pinned.
    const { decoder } = client._getQueue();
    const write = decoder.write.bind(decoder);
    decoder.write = (chunk) => {
      this.#bytes += chunk.length;
      if (this.#bytes <= MAX_BYTES) write(chunk);
      else onTooLong();
    };
  }

  /** Counts from zero again, because a call got its answer. */
  answered(): void {
    this.#bytes = 0;
  }
}
