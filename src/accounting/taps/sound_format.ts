/** Notes the format of the sound of a realtime session, in one direction. */

/** The names of uncompressed sound: 16 bits a sample, with 24,000 samples a second or the stated number. */
const UNCOMPRESSED = /^(?:audio\/pcm|pcm16)$/;
const MIN_RATE = 8_000;
const MAX_RATE = 24_000;
/** The bytes of Base64 of a sample of uncompressed sound. */
const BYTES_PER_SAMPLE = 8 / 3;
/** The bytes of Base64 of a second of compressed sound: G.711 has 8,000 bytes a second. */
const COMPRESSED_BYTES_PER_SECOND = 10_000;

/** The format that a session states. A session can change it. The one with the fewest bytes counts. */
export class SoundFormat {
  /** What the current message states. */
  #name: string | undefined;
  #rate = MAX_RATE;
  #bytesPerSecond: number | undefined;

  /** Notes the format that the current message states. */
  name(value: unknown): void {
    if (typeof value === "string") this.#name = value;
  }

  /** Notes the samples a second that the current message states. */
  rate(value: unknown): void {
    if (typeof value === "number") this.#rate = Math.min(Math.max(value, MIN_RATE), MAX_RATE);
  }

  /** Notes a format that the client asks for. The server may use it without stating it. */
  asked(value: unknown): void {
    if (typeof value === "string" && UNCOMPRESSED.test(value)) return;
    this.#bytesPerSecond = COMPRESSED_BYTES_PER_SECOND;
  }

  /** Ends a message. `isConfiguration`: it has the whole configuration of the session. */
  endMessage(isConfiguration: boolean): void {
    if (isConfiguration || this.#name !== undefined) {
      const bytes = UNCOMPRESSED.test(this.#name ?? "")
        ? this.#rate * BYTES_PER_SAMPLE
        : COMPRESSED_BYTES_PER_SECOND;
      this.#bytesPerSecond = Math.min(this.#bytesPerSecond ?? Infinity, bytes);
    }
    this.#name = undefined;
    this.#rate = MAX_RATE;
  }

  /** The bytes of Base64 of a second. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond ?? COMPRESSED_BYTES_PER_SECOND;
  }
}
