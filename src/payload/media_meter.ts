/**
 * Estimates the tokens of images and recognises other media in JSON while they pass, without storing them.
 */

import { GrowingBuffer } from "../streams/growing_buffer.ts";
import { byteClass, indexOfClass } from "./byte_class.ts";
import { imageSize, MAX_IMAGE_HEAD_BYTES } from "./image_size.ts";
import { type ImageTokens, NO_IMAGES, plusImages, tokensOfImage } from "./image_tokens.ts";
import type { TextSink } from "./text_sink.ts";

const ENDS_TEXT = byteClass('"\\');
/**
 * The longest beginning of a string that is kept. Base64 has four characters for three bytes. An address with
 * a media type may be in front of it.
 */
const MAX_TEXT_BYTES = Math.ceil(MAX_IMAGE_HEAD_BYTES * 4 / 3) + 256;
/** The bytes that show the format of an image. Only some formats need more to show the size. */
const FIRST_BYTES = 256;
/** The beginning of an address. Its content is not in the body, so it is not measured. */
const ADDRESS = /^\s*(?!data:)[a-z][a-z\d+.-]{1,14}:\/\//i;
const DATA_URL = /^\s*data:([^,;]{0,100})((?:;[^,;]{0,100}){0,5}),/i;
/** No image is shorter, in characters of Base64. */
const LEAST_IMAGE = 12;
const BASE64 = /^[A-Za-z0-9+/]+/;
/** The Base64 of formats whose head may be long: JPEG and GIF. */
const LONG_HEAD = /^(?:\/9j\/|R0lGOD)/;

/**
 * The most strings and the most types of an object that are kept. An object with more than one of them is no
 * text, so that the others count at once.
 */
const MAX_KEPT = 2;

const latin1 = new TextDecoder("latin1");

/** A string with media. A later member of its object may still say that it is text. */
interface Pending {
  /** The tokens of an image. `undefined` if they do not follow from the size. */
  readonly image: ImageTokens | undefined;
  /** The length of the string, in bytes of JSON. */
  readonly length: number;
  /** Whether the string is the `data` of a `source`, which can be a text. */
  readonly isData: boolean;
}

/** Measures the strings of one body that may hold media in Base64. */
export class MediaMeter implements TextSink {
  /** The beginning of the current string. */
  readonly #head = new GrowingBuffer();
  #length = 0;
  #wanted = FIRST_BYTES;
  #images = NO_IMAGES;
  #imageBytes = 0;
  #count = 0;
  #isOpaque = false;
  /** The media of the current object. */
  #pending: Pending[] = [];
  /** The values of `source.type` in the current object. */
  #types: unknown[] = [];
  #hasOtherMedia = false;
  #isData = false;

  /** The tokens of the images whose size is known. */
  get images(): ImageTokens {
    return this.#images;
  }

  /** The length of these images, in bytes of JSON. */
  get imageBytes(): number {
    return this.#imageBytes;
  }

  /** The number of strings with media so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether a string holds media whose tokens do not follow from its size. */
  get isOpaque(): boolean {
    return this.#isOpaque;
  }

  /** Receives a statement of the body about its media: the path of a member, and its value. */
  stated(path: string, value: unknown): void {
    if (path.endsWith("source.type")) {
      if (this.#types.length < MAX_KEPT) this.#types.push(value);
      else if (!isKnownType(value)) this.#isOpaque = true;
    } else if (
      !/(?:media_type|mime_?type)$/i.test(path) || typeof value !== "string" || !/^image\//i.test(value)
    ) {
      this.#hasOtherMedia = true;
    }
  }

  /** Called at the beginning of a string. */
  begins(path: string): void {
    this.#isData = path.endsWith("source.data");
  }

  /**
   * Called at the beginning and at the end of an object. An Anthropic document with the type `text` has text
   * in `data`. The model reads this text, which has no more tokens than bytes. In any other object, the
   * strings decide what it holds.
   */
  boundary(): void {
    const types = this.#types;
    const pending = this.#pending;
    if (types.length === 0 && pending.length === 0 && !this.#hasOtherMedia) return;
    const isText = types.length === 1 && types[0] === "text" && pending.length === 1 &&
      pending[0]?.isData === true;
    if (!isText) {
      if (this.#hasOtherMedia || !types.every(isKnownType)) this.#isOpaque = true;
      for (const one of pending) this.#add(one);
    }
    this.#types = [];
    this.#pending = [];
    this.#hasOtherMedia = false;
  }

  #add({ image, length }: Pending): void {
    if (image === undefined) this.#isOpaque = true;
    else {
      this.#images = plusImages(this.#images, image);
      this.#imageBytes += length;
    }
  }

  /** Reads the next piece of a value: `bytes` from `from` up to `to`. */
  write(bytes: Uint8Array, from: number, to: number): void {
    this.#length += to - from;
    const room = this.#wanted - this.#head.length;
    if (room <= 0) return;
    this.#head.append(bytes.subarray(from, Math.min(to, from + room)));
    if (this.#head.length < this.#wanted || this.#wanted > FIRST_BYTES) return;
    // Most images show their size in the first bytes.
    if (!LONG_HEAD.test(base64Of(this.#text) ?? "")) return;
    this.#wanted = MAX_TEXT_BYTES;
    const rest = Math.min(to, from + MAX_TEXT_BYTES - FIRST_BYTES + room);
    this.#head.append(bytes.subarray(Math.min(to, from + room), rest));
  }

  /** Reads the next piece of a string, up to the quote that ends it, an escape, or `to`. */
  writeText(bytes: Uint8Array, from: number, to: number): number {
    const end = indexOfClass(ENDS_TEXT, bytes, from, to);
    if (end > from) this.write(bytes, from, end);
    return end;
  }

  /** Called at the end of the string. */
  end(): void {
    const text = this.#length > 0 ? this.#text : "";
    if (text !== "" && !ADDRESS.test(text.slice(0, FIRST_BYTES))) this.#endMedia(text);
    this.#head.clear();
    this.#length = 0;
    this.#wanted = FIRST_BYTES;
  }

  #endMedia(text: string): void {
    this.#count++;
    const [digits = ""] = text.length < LEAST_IMAGE ? [] : BASE64.exec(base64Of(text) ?? "") ?? [];
    // A single digit at the end encodes no byte.
    const whole = digits.length % 4 === 1 ? digits.slice(0, -1) : digits;
    const size = whole === "" ? undefined : imageSize(Uint8Array.fromBase64(whole));
    const image = size && tokensOfImage(size);
    const found: Pending = { image, length: this.#length, isData: this.#isData };
    if (this.#pending.length < MAX_KEPT) this.#pending.push(found);
    else this.#add(found);
  }

  /** The beginning of the string, without the backslashes that some JSON writers put before slashes. */
  get #text(): string {
    const text = latin1.decode(this.#head.bytes);
    return text.includes("\\") ? text.replaceAll("\\/", "/") : text;
  }
}

/**
 * Whether a source of this type has an image or a file in `data`, or refers to content that is not in the
 * body.
 */
function isKnownType(type: unknown): boolean {
  return type === "base64" || type === "url" || type === "file" || type === "content";
}

/**
 * Returns the Base64 of a string: the whole string, or the part after the head of a `data:` address of an
 * image.
 */
function base64Of(text: string): string | undefined {
  if (!/^\s*data:/i.test(text.slice(0, FIRST_BYTES))) return text;
  const [head, type = "", parameters = ""] = DATA_URL.exec(text.slice(0, 2 * FIRST_BYTES)) ?? [];
  if (head === undefined || !/^image\//i.test(type) || !/;base64$/i.test(parameters)) return undefined;
  return text.slice(head.length);
}
