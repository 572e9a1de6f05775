/** Measures the sound that the client of a realtime session sends, in tokens of a model. */

/** The names of uncompressed sound: 16 bits a sample, with 24,000 samples a second or the stated number. */
const UNCOMPRESSED = /^(?:audio\/pcm|pcm16)$/;
const MAX_RATE = 24_000;
/** The bytes of Base64 of a sample of uncompressed sound. */
const BYTES_PER_SAMPLE = 8 / 3;
/** The bytes of Base64 of a token of compressed sound: G.711 has 8,000 bytes a second. */
const COMPRESSED_BYTES_PER_TOKEN = 1_000;
/** The tokens of a second of sound (https://platform.openai.com/docs/guides/realtime-costs). */
export const SOUND_TOKENS_PER_SECOND = 10;

/** The sound of one client. All amounts are in bytes of Base64. */
export class ClientSound {
  #all = 0;
  #sinceSpeech = 0;
  #sinceResponse = 0;
  /** The part of `#sinceSpeech` before the oldest clearing that is not confirmed, and the number of these. */
  #clearable = 0;
  #clears = 0;
  #isUncompressed = false;
  #rate = MAX_RATE;
  /** The bytes of a token, by the format of the session that has the most tokens. */
  #bytesPerToken: number | undefined;

  /** Notes the format that the current message of the upstream states. */
  format(name: string): void {
    this.#isUncompressed = UNCOMPRESSED.test(name);
  }

  /** Notes the samples a second that the current message of the upstream states. */
  rate(samples: number): void {
    if (samples > 0) this.#rate = Math.min(samples, MAX_RATE);
  }

  /** Ends a message of the upstream. `isConfiguration`: it has the whole configuration of the session. */
  endMessage(isConfiguration: boolean): void {
    if (isConfiguration) {
      const bytes = this.#isUncompressed
        ? this.#rate * BYTES_PER_SAMPLE / SOUND_TOKENS_PER_SECOND
        : COMPRESSED_BYTES_PER_TOKEN;
      this.#bytesPerToken = Math.min(this.#bytesPerToken ?? Infinity, bytes);
    }
    this.#isUncompressed = false;
    this.#rate = MAX_RATE;
  }

  /** Adds sound that may become speech. */
  add(bytes: number): void {
    this.#sinceSpeech += bytes;
    this.#sinceResponse += bytes;
  }

  /** Adds sound that counts as input of every later response. */
  addInput(bytes: number): void {
    this.#all += bytes;
  }

  /** Notes that the client asks to remove the sound that it has sent. */
  clear(): void {
    if (this.#clears++ === 0) this.#clearable = this.#sinceSpeech;
  }

  /** Removes sound. The client may have sent more sound since it asked for it. */
  cleared(): void {
    const bytes = this.#clears === 0 ? this.#sinceSpeech : Math.min(this.#clearable, this.#sinceSpeech);
    this.#sinceSpeech -= bytes;
    this.#sinceResponse = Math.max(0, this.#sinceResponse - bytes);
    this.#clearable = 0;
    if (this.#clears > 0) this.#clears--;
  }

  /** Returns the bytes since the latest speech, which now ends. */
  takeSpeech(): number {
    const bytes = this.#sinceSpeech;
    this.#sinceSpeech = 0;
    return bytes;
  }

  /** Returns the bytes since the latest response. A new response begins. */
  takeResponse(): number {
    const bytes = this.#sinceResponse;
    this.#sinceResponse = 0;
    return bytes;
  }

  /** The bytes since the latest response. */
  get sinceResponse(): number {
    return this.#sinceResponse;
  }

  /** The tokens of all input. */
  get inputTokens(): number {
    return this.tokens(this.#all);
  }

  /** The tokens of so many bytes. */
  tokens(bytes: number): number {
    return bytes / (this.#bytesPerToken ?? COMPRESSED_BYTES_PER_TOKEN);
  }
}
