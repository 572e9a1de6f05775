/** Estimates images and sound of a response that does not state its usage. They are Base64 within JSON. */

import { factsOf, type Operation } from "../../apis/operations.ts";
import { BYTES_PER_TOKEN } from "./bytes_per_token.ts";

/** What a response shows of its images and its sound before its usage. */
export interface SeenMedia {
  readonly images: number;
  /** The encoding of its sound. `undefined` if it has none. */
  readonly sound: "uncompressed" | "compressed" | undefined;
}

/** Collects what a response shows of its images and its sound. */
export class MediaReader {
  #images = 0;
  #sound: SeenMedia["sound"];

  /** Receives a selected string. Returns whether it was about an image or sound. */
  found(path: string, value: string): boolean {
    if (path.endsWith(".inlineData.mimeType")) {
      const isSound = value.toLowerCase().startsWith("audio/");
      if (isSound) this.#sound = UNCOMPRESSED.test(value) ? "uncompressed" : "compressed";
      else this.#images++;
      return true;
    }
    if (path.endsWith(".audio.id")) {
      // Streams of OpenAI have PCM alone.
      this.#sound = path.includes("delta") ? "uncompressed" : "compressed";
      return true;
    }
    if (!path.endsWith(".images.*.type")) return false;
    this.#images++;
    return true;
  }

  /** What the response has shown so far. `undefined` if it has shown neither images nor sound. */
  get seen(): SeenMedia | undefined {
    return this.#images === 0 && this.#sound === undefined
      ? undefined
      : { images: this.#images, sound: this.#sound };
  }
}

const UNCOMPRESSED = /l16|pcm|wav/i;

/** The estimated tokens of images and sound, and their length in the response. */
export interface MediaEstimate {
  readonly imageTokens: number;
  readonly soundTokens: number;
  readonly bytes: number;
}

/** The estimate of a response without images and sound. */
export const NO_MEDIA: MediaEstimate = { imageTokens: 0, soundTokens: 0, bytes: 0 };

/** An image has at least so many tokens (https://ai.google.dev/gemini-api/docs/pricing: 1,120 to 2,000). */
const TOKENS_PER_IMAGE = 1_290;
/** A PNG of 1,024 by 1,024 pixels has 1 to 2 MB of Base64. */
const BYTES_PER_IMAGE_TOKEN = 1_000;
/**
 * 25 tokens are a second of sound (https://ai.google.dev/gemini-api/docs/speech-generation). A second of PCM
 * at 24 kHz has 64,000 bytes of Base64, and a second of usual compressed sound 10,000.
 */
const BYTES_PER_SOUND_TOKEN = { uncompressed: 2_560, compressed: 400 } as const;
/** What surrounds a piece of text in an event, in bytes. */
const BYTES_AROUND_TEXT = 600;
/** Less than this beside the text can be signatures, search results and usage. */
const LEAST_BYTES = 64 * 1024;

/**
 * Estimates the images and the sound of a response by its bytes that are not text. `bytes` is its length. A
 * response whose text the proxy does not read has no estimate.
 */
export function mediaOf(
  { media, textBytes = 0, texts, isStream = false }: {
    readonly media?: SeenMedia | undefined;
    /** The length of its text in JSON. */
    readonly textBytes?: number;
    /** The number of pieces of text. */
    readonly texts?: number;
    readonly isStream?: boolean;
  },
  bytes: number,
): MediaEstimate {
  // A response that is not streamed is estimated by all of its bytes.
  if (texts === undefined || media === undefined && !isStream) return NO_MEDIA;
  const { images = 0, sound } = media ?? {};
  const beside = Math.max(0, bytes - textBytes - BYTES_AROUND_TEXT * texts);
  if (beside < LEAST_BYTES && images === 0) return NO_MEDIA;
  if (sound !== undefined && images === 0) {
    return { imageTokens: 0, soundTokens: Math.ceil(beside / BYTES_PER_SOUND_TOKEN[sound]), bytes: beside };
  }
  const byBytes = Math.ceil(beside / BYTES_PER_IMAGE_TOKEN);
  return { imageTokens: Math.max(images * TOKENS_PER_IMAGE, byBytes), soundTokens: 0, bytes: beside };
}

/** The bytes of a token in a response that has no readable text, by its media type and its operation. */
export function bytesPerToken(mediaType: string, operation: Operation): number {
  const isImage = /^(?:image|video)\//.test(mediaType) || factsOf(operation).respondsWithImages === true;
  if (isImage) return BYTES_PER_IMAGE_TOKEN;
  return mediaType.startsWith("audio/") ? BYTES_PER_SOUND_TOKEN.compressed : BYTES_PER_TOKEN;
}
