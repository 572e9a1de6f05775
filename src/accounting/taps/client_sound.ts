/** Measures the sound that the client of a realtime session sends, in tokens of a model. */

import { SoundFormat } from "./sound_format.ts";

/** The tokens of a second of sound (https://platform.openai.com/docs/guides/realtime-costs). */
export const SOUND_TOKENS_PER_SECOND = 10;

/** The place of speech in all sound of the client, in milliseconds. */
export interface SpeechTimes {
  readonly startMs: number;
  readonly endMs: number;
}

/** The sound of one client. All amounts are in bytes of Base64. */
export class ClientSound {
  /** The format that the session states. */
  readonly format = new SoundFormat();
  /** The sound that counts as input while the server has stated no end of speech. */
  #all = 0;
  #sinceResponse = 0;
  /** All sound, including sound that was removed. */
  #written = 0;
  #sinceSpeech = 0;
  /** The part of `#sinceSpeech` before the oldest clearing that is not confirmed, and the number of these. */
  #clearable = 0;
  #clears = 0;
  /** The same for the ends of speech that the client states. */
  #committable = 0;
  #commits = 0;
  /** Whether the server has stated the end of speech. Other sound is then no input, such as silence. */
  #hasSpeech = false;
  /** The speech that counts as input of every later response. */
  #speech = 0;
  #speechSinceResponse = 0;
  /** The sound that does not count as speech yet. */
  #beforeSpeech = 0;
  /** The part of the speech that counts for the next response, or for an unfinished one. */
  #later = 0;

  /** Adds sound that may become speech. */
  add(bytes: number): void {
    this.#written += bytes;
    this.#sinceSpeech += bytes;
    this.#beforeSpeech += bytes;
    this.#sinceResponse += bytes;
  }

  /** Adds sound that counts as input of every later response. */
  addInput(bytes: number): void {
    this.#all += bytes;
  }

  /** Adds sound that the client puts into the conversation. It is never transcribed. */
  addItem(bytes: number): void {
    this.#all += bytes;
    this.#speech += bytes;
    this.#sinceResponse += bytes;
    this.#speechSinceResponse += bytes;
  }

  /** Notes that the client asks to remove the sound that it has sent. */
  clear(): void {
    if (this.#clears++ === 0) this.#clearable = this.#sinceSpeech;
  }

  /** Notes that the client ends its speech. */
  commit(): void {
    if (this.#commits++ === 0) this.#committable = this.#sinceSpeech;
  }

  /** Notes that the server rejects an end of speech, because there is no speech. */
  rejectCommit(): void {
    this.#endCommit();
  }

  /** Removes sound. The client may have sent more sound since it asked for it. */
  cleared(): void {
    const bytes = this.#clears === 0 ? this.#sinceSpeech : Math.min(this.#clearable, this.#sinceSpeech);
    this.#sinceSpeech -= bytes;
    this.#beforeSpeech = Math.min(this.#beforeSpeech, this.#sinceSpeech);
    this.#sinceResponse = Math.max(0, this.#sinceResponse - bytes);
    this.#committable = Math.max(0, this.#committable - bytes);
    this.#clearable = 0;
    if (this.#clears > 0) this.#clears--;
  }

  /**
   * Returns the bytes since the latest speech. `later` of them may be part of later speech, because the
   * client may have sent more sound since it ended its speech. `isEnd`: the server states that the speech has
   * ended.
   */
  takeSpeech({ isEnd }: { isEnd: boolean }): { readonly bytes: number; readonly later: number } {
    const bytes = this.#sinceSpeech;
    const later = this.#laterPart();
    this.#addSpeech(later);
    this.#sinceSpeech = 0;
    if (isEnd) this.#endCommit();
    return { bytes, later };
  }

  /** Ends speech that is not transcribed. Keeps the sound that may be part of later speech. */
  dropSpeech(): void {
    const later = this.#laterPart();
    this.#addSpeech(later);
    this.#sinceSpeech = later;
    this.#endCommit();
  }

  /** Ends speech at a known place. Drops the sound before its end. */
  dropUntil({ startMs, endMs }: SpeechTimes): void {
    const bytesPerMs = this.format.bytesPerSecond / 1_000;
    const rest = Math.max(0, this.#written - endMs * bytesPerMs);
    this.#beforeSpeech = Math.min((endMs - startMs) * bytesPerMs, this.#written);
    this.#addSpeech(0);
    this.#sinceSpeech = this.#beforeSpeech = Math.min(this.#sinceSpeech, rest);
    this.#endCommit();
  }

  /** Returns the bytes of speech since the latest response. A new response begins. */
  takeResponse(): number {
    const bytes = this.#hasSpeech ? this.#speechSinceResponse : this.#sinceResponse;
    this.#speechSinceResponse = 0;
    this.#sinceResponse = 0;
    return bytes;
  }

  /** Returns the bytes that may be part of later speech, for the latest response. */
  takeLater(): number {
    const bytes = this.#later;
    this.#later = 0;
    return bytes;
  }

  /** The bytes since the latest response. */
  get sinceResponse(): number {
    return this.#hasSpeech ? this.#speechSinceResponse + this.#sinceSpeech : this.#sinceResponse;
  }

  /** The tokens of all input. */
  get inputTokens(): number {
    return this.tokens(this.#hasSpeech ? this.#speech : this.#all);
  }

  /** The tokens of so many bytes. */
  tokens(bytes: number): number {
    return bytes * SOUND_TOKENS_PER_SECOND / this.format.bytesPerSecond;
  }

  /** Counts all sound as speech. `later` of it may be part of later speech. */
  #addSpeech(later: number): void {
    const bytes = this.#beforeSpeech;
    const rest = Math.min(later, bytes);
    this.#hasSpeech = true;
    this.#speech += bytes;
    this.#speechSinceResponse += this.#later + bytes - rest;
    this.#later = rest;
    this.#beforeSpeech = 0;
  }

  #laterPart(): number {
    return this.#commits === 0 ? 0 : Math.max(0, this.#sinceSpeech - this.#committable);
  }

  #endCommit(): void {
    this.#committable = 0;
    if (this.#commits > 0) this.#commits--;
  }
}
