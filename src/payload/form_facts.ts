/** Reads the facts of a form that limits and accounting need. */

import { factsOf, type Operation } from "../apis/operations.ts";
import { REFERENCES } from "./body_keys.ts";
import { foldKey } from "./fold_key.ts";
import { imageSize, MAX_IMAGE_HEAD_BYTES } from "./image_size.ts";
import { type ImageTokens, NO_IMAGES, plusImages, tokensOfImage } from "./image_tokens.ts";
import type { FormPart } from "./multipart.ts";
import type { RequestFacts } from "./request_facts.ts";
import { soundSeconds } from "./sound_length.ts";

/**
 * The longest plain field that does not count as content, in bytes. A longer field counts as content, like a
 * file.
 */
const MAX_FIELD_BYTES = 1_000;
/** The scheme at the beginning of an address. The content of a `data:` address is in the form itself. */
const ADDRESS = /^\s*[a-z][a-z\d+.-]*:\/\//i;

/**
 * Returns the facts about the content of a form: the length of its sound, and whether it refers to content
 * that is not in the form.
 */
export function formContent(
  bytes: Uint8Array,
  parts: readonly FormPart[],
  operation: Operation,
): Pick<RequestFacts, "refersElsewhere" | "soundSeconds"> {
  const refersElsewhere = parts.some((part) => isReference(bytes, part));
  const sound = parts.filter(({ isFile, start, end }) => isFile || end - start > MAX_FIELD_BYTES)
    .reduce((total, { start, end }) => total + soundSeconds(bytes.subarray(start, end)), 0);
  return {
    ...(refersElsewhere && { refersElsewhere }),
    ...(factsOf(operation).readsSound === true && { soundSeconds: sound }),
  };
}

/** The input for a model that the files of a form add. */
export interface FormMedia {
  /** The length of the fields without files, in bytes. */
  readonly fieldBytes: number;
  /** The tokens of images whose size is in the form, and the length of these images in bytes. */
  readonly images: ImageTokens;
  readonly imageBytes: number;
  /** Whether the form has a file that is no image with a known size. Sound does not count. */
  readonly isOpaque: boolean;
}

/** Returns the media of a form. The length of sound is a separate fact, if the model reads sound. */
export function formMedia(bytes: Uint8Array, parts: readonly FormPart[], operation: Operation): FormMedia {
  const files = parts.filter(({ isFile }) => isFile).map(({ start, end }) => ({
    length: end - start,
    size: imageSize(bytes.subarray(start, Math.min(end, start + MAX_IMAGE_HEAD_BYTES))),
  }));
  const sizes = files.flatMap(({ size }) => size ?? []);
  return {
    fieldBytes: parts.reduce((sum, { isFile, start, end }) => isFile ? sum : sum + end - start, 0),
    images: sizes.map(tokensOfImage).reduce(plusImages, NO_IMAGES),
    imageBytes: files.reduce((sum, { length, size }) => size === undefined ? sum : sum + length, 0),
    isOpaque: sizes.length < files.length && factsOf(operation).readsSound !== true,
  };
}

/**
 * Whether a plain field refers to content that is not in the form, such as an address or the id of a file.
 */
function isReference(bytes: Uint8Array, { name, isFile, start, end }: FormPart): boolean {
  if (isFile || end - start > 2 * MAX_FIELD_BYTES) return false;
  const value = new TextDecoder().decode(bytes.subarray(start, end)).trim();
  if (value === "" || /^data:/i.test(value)) return false;
  const key = foldKey(name).replace(/\[\d*\]$/, "");
  return REFERENCES.has(key) || key !== "prompt" && ADDRESS.test(value);
}
