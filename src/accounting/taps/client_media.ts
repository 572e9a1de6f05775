/** Measures the sound and the images in the messages of a realtime client, without storing them. */

import { imageTokensFor } from "../../payload/image_tokens.ts";
import { LengthMeter } from "../../payload/length_meter.ts";
import { MediaMeter } from "../../payload/media_meter.ts";
import type { TextSink } from "../../payload/text_sink.ts";

/** The sound of OpenAI's items. Gemini's `data` can be sound or an image. */
const SOUND = /(?:^|\.)audio$/;
const DATA = /(?:^|\.)data$/;

/** The media of one message, in bytes of JSON. */
export interface SentMedia {
  readonly soundBytes: number;
  /** The images whose size the proxy can read. */
  readonly imageBytes: number;
}

/** Measures the media of one message after the other. */
export class ClientMedia implements TextSink {
  readonly #sound = new LengthMeter();
  readonly #images = new MediaMeter();
  #sink: TextSink = this.#sound;
  #isData = false;
  /** The length of the strings that can be sound or an image. */
  #dataBytes = 0;
  /** The length of the images in earlier messages. */
  #earlierImageBytes = 0;

  /** Returns the media of a message that has ended. */
  take(): SentMedia {
    // The message may have broken off within an object.
    this.#images.boundary();
    const imageBytes = this.#images.imageBytes - this.#earlierImageBytes;
    this.#earlierImageBytes = this.#images.imageBytes;
    const soundBytes = this.#sound.take() + Math.max(0, this.#dataBytes - imageBytes);
    this.#dataBytes = 0;
    return { soundBytes, imageBytes };
  }

  /** The tokens of all images whose size is known, for a model. */
  imageTokens(model: string | undefined): number {
    return imageTokensFor(this.#images.images, model);
  }

  /** Called at the beginning of a string. */
  begins(path: string): void {
    this.#sink = SOUND.test(path) ? this.#sound : this.#images;
    this.#isData = DATA.test(path);
  }

  /** Called at the beginning and at the end of an object. */
  boundary(): void {
    this.#images.boundary();
  }

  /** Reads the next piece of a value: `bytes` from `from` up to `to`. */
  write(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isData) this.#dataBytes += to - from;
    this.#sink.write(bytes, from, to);
  }

  /** Reads the next piece of a string, up to the quote that ends it, an escape, or `to`. */
  writeText(bytes: Uint8Array, from: number, to: number): number {
    const end = this.#sink.writeText(bytes, from, to);
    if (this.#isData) this.#dataBytes += end - from;
    return end;
  }

  /** Called at the end of the value. */
  end(): void {
    this.#sink.end();
  }
}
