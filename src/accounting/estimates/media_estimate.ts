/**
 * Estimates the images and the sound of a response that does not state its usage. They are in Base64 within
 * JSON.
 */

import { factsOf, type Operation } from "../../apis/operations.ts";
import { BYTES_PER_TOKEN } from "./bytes_per_token.ts";

/** The images and the sound that a response has shown. */
export interface SeenMedia {
  readonly images: number;
  /** The encoding of its sound. `undefined` if it has none. */
  readonly sound: "uncompressed" | "compressed" | undefined;
}

/** Collects the images and the sound that a response shows. */
export class MediaReader {
  #images = 0;
  #sound: SeenMedia["sound"];

  /** Receives a selected string. Returns whether the string described an image or sound. */
  found(path: string, value: string): boolean {
    if (path.endsWith(".inlineData.mimeType")) {
      const isSound = value.toLowerCase().startsWith("audio/");
      if (isSound) this.#sound = UNCOMPRESSED.test(value) ? "uncompressed" : "compressed";
      else this.#images++;
      return true;
    }
    if (path.endsWith(".audio.id")) {
      // Streams of OpenAI have only PCM, which is uncompressed.
      this.#sound = path.includes("delta") ? "uncompressed" : "compressed";
      return true;
    }
    if (!path.endsWith(".images.*.type")) return false;
    this.#images++;
    return true;
  }

  /** The images and the sound so far. `undefined` if the response has shown neither. */
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

/**
 * The tokens of an image. Images have between 1,120 and 2,000
 * (https://ai.google.dev/gemini-api/docs/pricing).
 */
const TOKENS_PER_IMAGE = 1_290;
/** The bytes of one token of an image. A PNG of 1,024 by 1,024 pixels has 1 to 2 MB of Base64. */
const BYTES_PER_IMAGE_TOKEN = 1_000;
/**
 * The bytes of one token of sound. A second of sound has 25 tokens
 * (https://ai.google.dev/gemini-api/docs/speech-generation). In Base64, a second of PCM at 24 kHz has 64,000
 * bytes, and a second of usual compressed sound has 10,000.
 */
const BYTES_PER_SOUND_TOKEN = { uncompressed: 2_560, compressed: 400 } as const;
/** The bytes of an event around its piece of text. */
const BYTES_AROUND_TEXT = 600;
/** Fewer bytes than this besides the text can be signatures, search results and usage. */
const LEAST_BYTES = 64 * 1024;

/**
 * Estimates the images and the sound of a response by its bytes that are not text. `bytes` is the length of
 * the response. Returns {@link NO_MEDIA} if the proxy does not read the text of the response.
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
  // A response that is not streamed and shows no media is estimated by the length of all its bytes.
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

/** Returns the bytes of a token in a response without readable text, by its media type and its operation. */
export function bytesPerToken(mediaType: string, operation: Operation): number {
  const isImage = /^(?:image|video)\//.test(mediaType) || factsOf(operation).respondsWithImages === true;
  if (isImage) return BYTES_PER_IMAGE_TOKEN;
  return mediaType.startsWith("audio/") ? BYTES_PER_SOUND_TOKEN.compressed : BYTES_PER_TOKEN;
}
