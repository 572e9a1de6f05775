/** Estimates the input tokens of a request whose body is in memory. */

import { createPause, STEP_BYTES } from "../../payload/pace.ts";
import { estimatedTokens } from "./estimate.ts";
import type { FormMedia } from "../../payload/form_facts.ts";
import { type ImageTokens, NO_IMAGES } from "../../payload/image_tokens.ts";
import { MediaMeter } from "../../payload/media_meter.ts";
import { JsonScanner } from "../../payload/json_scanner.ts";
import { TextMeter } from "../../payload/text_meter.ts";
import { INPUT_SELECTION } from "../taps/text_selection.ts";
import { compileSelection } from "../../payload/json_selection.ts";

const SELECTED = compileSelection(INPUT_SELECTION);

/** An estimate of the input of a body. */
export interface InputEstimate {
  /**
   * The expected tokens without the images. Text counts by its characters, and everything else by its length.
   */
  readonly tokens: number;
  /**
   * The highest number of tokens without the images. A tokenizer of byte pairs makes at most one token of
   * each byte.
   */
  readonly most: number;
  /** The tokens of images whose size is in the body. */
  readonly images: ImageTokens;
  /** Whether the body has media whose tokens depend neither on its length nor on a size in the body. */
  readonly isOpaque: boolean;
}

/** The estimate of a request without a body. */
export const NO_INPUT: InputEstimate = { tokens: 0, most: 0, images: NO_IMAGES, isOpaque: false };

/**
 * Estimates the input of a body. `media` is the number of its strings that look like media. Returns a promise
 * only if the body is so long that the reading pauses in between.
 */
export function inputOf(
  { kind, bytes, form, media = 0 }: {
    readonly kind: string;
    readonly bytes: Uint8Array;
    readonly form?: FormMedia | undefined;
    readonly media?: number | undefined;
  },
): InputEstimate | Promise<InputEstimate> {
  const { length } = bytes;
  if (form !== undefined) {
    const { fieldBytes, images, imageBytes, isOpaque } = form;
    return {
      tokens: estimatedTokens({ kind, length: length - imageBytes }),
      most: fieldBytes,
      images,
      isOpaque,
    };
  }
  if (kind !== "json") {
    return { tokens: estimatedTokens({ kind, length }), most: length, images: NO_IMAGES, isOpaque: false };
  }
  const text = new TextMeter();
  const seen = new MediaMeter();
  const scanner = new JsonScanner(SELECTED, (path, value) => seen.stated(path, value), {
    texts: text,
    media: seen,
  });
  const read = { text, seen, media };
  if (length > STEP_BYTES) return inputOfLong(bytes, { scanner, ...read });
  scanner.write(bytes);
  return estimateOf(length, read);
}

/** What the meters of a body have read, and how many of its strings look like media. */
interface Read {
  readonly text: TextMeter;
  readonly seen: MediaMeter;
  readonly media: number;
}

async function inputOfLong(
  bytes: Uint8Array,
  { scanner, ...read }: Read & { readonly scanner: JsonScanner },
): Promise<InputEstimate> {
  const pause = createPause();
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    scanner.write(bytes, at, Math.min(at + STEP_BYTES, bytes.length));
    await pause();
  }
  return estimateOf(bytes.length, read);
}

function estimateOf(length: number, { text, seen, media }: Read): InputEstimate {
  const { images, imageBytes, count, isOpaque } = seen;
  const others = estimatedTokens({ kind: "json", length: length - text.bytes - imageBytes });
  return {
    tokens: others + Math.ceil(text.tokens),
    most: length - imageBytes,
    images,
    isOpaque: isOpaque || media > count,
  };
}
