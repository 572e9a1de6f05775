/** Reads the size of an image from its head, without decoding the image. */

/** The size of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The longest head of an image, in bytes. Every format has the size within this length. */
export const MAX_IMAGE_HEAD_BYTES: number = 256 * 1024;
/** The longest side of an image, in pixels. No format and no provider has larger images. */
const MAX_SIDE = 100_000;

const PNG_HEAD = "\x89PNG\r\n\x1a\n";
const PNG_BYTES = 24;
const WEBP_BYTES = 30;
const GIF_HEAD_BYTES = 13;
const GIF_EXTENSION = 0x21;
const GIF_IMAGE = 0x2c;
const JPEG_START = 0xd8;
/**
 * The most segments before the size. They have metadata, colour profiles and thumbnails. Cameras write a few
 * dozen.
 */
const MAX_SEGMENTS = 1_000;

/**
 * Returns the size of a PNG, JPEG, GIF or WebP image by its first bytes. `undefined` for other bytes, and for
 * a head that is incomplete or contradicts itself.
 */
export function imageSize(head: Uint8Array): ImageSize | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const size = pngSize(view) ?? webpSize(view) ?? gifSize(view) ?? jpegSize(view);
  return size !== undefined && isSide(size.width) && isSide(size.height) ? size : undefined;
}

function isSide(pixels: number): boolean {
  return pixels >= 1 && pixels <= MAX_SIDE;
}

function pngSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < PNG_BYTES || !isText(view, 0, PNG_HEAD) || !isText(view, 12, "IHDR")) {
    return undefined;
  }
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** The three forms of WebP (RFC 9649): lossy, lossless and extended. */
function webpSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < WEBP_BYTES || !isText(view, 0, "RIFF") || !isText(view, 8, "WEBP")) return undefined;
  if (isText(view, 12, "VP8 ")) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (isText(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 };
  }
  if (!isText(view, 12, "VP8X")) return undefined;
  const side = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16) + 1;
  return { width: side(24), height: side(27) };
}

/**
 * Returns the larger size of the screen and of the first image, because readers differ in which of them they
 * draw.
 */
function gifSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < GIF_HEAD_BYTES || !isText(view, 0, "GIF87a") && !isText(view, 0, "GIF89a")) {
    return undefined;
  }
  const flags = view.getUint8(10);
  let at = GIF_HEAD_BYTES + ((flags & 0x80) === 0 ? 0 : 3 << (flags & 7) + 1);
  while (at + 10 <= view.byteLength) {
    const kind = view.getUint8(at);
    if (kind === GIF_IMAGE) {
      return {
        width: Math.max(view.getUint16(6, true), view.getUint16(at + 1, true) + view.getUint16(at + 5, true)),
        height: Math.max(
          view.getUint16(8, true),
          view.getUint16(at + 3, true) + view.getUint16(at + 7, true),
        ),
      };
    }
    if (kind !== GIF_EXTENSION) return undefined;
    at += 2;
    while (at < view.byteLength && view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
    at++;
  }
  return undefined;
}

/**
 * Returns the size in the first frame header of a JPEG. A thumbnail is inside a segment, which is skipped.
 */
function jpegSize(view: DataView): ImageSize | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xff00 + JPEG_START) return undefined;
  let at = 2;
  for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
    // There may be fill bytes before a marker.
    while (at + 1 < view.byteLength && view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at++;
    if (at + 9 > view.byteLength || view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (isFrame(marker)) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // Before the frame, there may only be segments with a length.
    if (marker < 0xc0 || marker >= 0xd0 && marker < 0xdb) return undefined;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/**
 * Whether a marker begins a frame. These are all markers from 0xc0 to 0xcf, except those for tables and
 * reserved ones.
 */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function isText(view: DataView, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (view.getUint8(at + index) !== text.charCodeAt(index)) return false;
  }
  return true;
}
