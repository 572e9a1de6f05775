/** The head of a frame (RFC 9113, 4.1): three bytes of length, one of type, flags, and the stream. */
const HEAD_BYTES = 9;
const TYPE_AT = 3;
const RST_STREAM = 3;
/** The runtime aborts a request within moments of its reset. */
const RECENT_MS = 5_000;

/**
 * Looks at a client's frames on their way to the runtime, for resets of streams. The runtime ends the body of a reset
 * stream as if the client had finished it, and aborts the request only a moment later: without this, an upload that
 * was given up would look whole.
 */
export class ResetWatch {
  readonly #now: () => number;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headBytes = 0;
  /** Of the payload that is passing. */
  #left = 0;
  #resetAt = -Infinity;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the client has reset a stream so recently that its request may not have been aborted yet. */
  get mayBeReset(): boolean {
    return this.#now() - this.#resetAt < RECENT_MS;
  }

  /** The next bytes of the client, behind its preface. */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, bytes.length - at);
        this.#left -= count;
        at += count;
        continue;
      }
      this.#head[this.#headBytes++] = bytes[at++] ?? 0;
      if (this.#headBytes < HEAD_BYTES) continue;
      this.#headBytes = 0;
      const [high = 0, middle = 0, low = 0] = this.#head;
      this.#left = high << 16 | middle << 8 | low;
      if (this.#head[TYPE_AT] === RST_STREAM) this.#resetAt = this.#now();
    }
  }
}
