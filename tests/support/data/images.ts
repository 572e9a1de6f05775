/** The heads of images, for tests. The images have no pixels. */

import type { ImageSize } from "../../../src/payload/image_size.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The parts as one array. Numbers are bytes. */
function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const big = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** (bytes - 1 - at)) & 0xff);
const little = (value: number, bytes: number): number[] => big(value, bytes).reverse();

/** The head of a PNG. */
export function png({ width, height }: ImageSize): Uint8Array<ArrayBuffer> {
  return joined(
    [0x89],
    ascii("PNG\r\n\x1a\n"),
    big(13, 4),
    ascii("IHDR"),
    big(width, 4),
    big(height, 4),
    [8, 2, 0, 0, 0],
    big(0, 4),
  );
}

/** The head of a GIF with an extension before its first image, which has another size if `first` is given. */
export function gif(
  { width, height }: ImageSize,
  first: ImageSize = { width, height },
): Uint8Array<ArrayBuffer> {
  const colours = new Uint8Array(6);
  const extension = [0x21, 0xf9, 4, 0, 0, 0, 0, 0];
  return joined(
    ascii("GIF89a"),
    little(width, 2),
    little(height, 2),
    [0x80, 0, 0],
    colours,
    extension,
    [0x2c],
    little(0, 4),
    little(first.width, 2),
    little(first.height, 2),
    [0],
  );
}

/** The head of a JPEG, with other segments before its frame. */
export function jpeg(
  { width, height }: ImageSize,
  { before = [] }: { before?: readonly (readonly [marker: number, content: Uint8Array])[] } = {},
): Uint8Array<ArrayBuffer> {
  const segments = before.map(([marker, content]) =>
    joined([0xff, marker], big(content.length + 2, 2), content)
  );
  return joined(
    [0xff, 0xd8],
    [0xff, 0xe0],
    big(16, 2),
    new Uint8Array(14),
    ...segments,
    [0xff, 0xc2],
    big(11, 2),
    [8],
    big(height, 2),
    big(width, 2),
    [1, 1, 0x11, 0],
  );
}

/** The head of a WebP in one of its three forms. */
export function webp({ width, height }: ImageSize, form: "VP8 " | "VP8L" | "VP8X"): Uint8Array<ArrayBuffer> {
  const size = form === "VP8 "
    ? joined([0, 0, 0, 0x9d, 0x01, 0x2a], little(width, 2), little(height, 2))
    : form === "VP8L"
    ? joined([0x2f], little((height - 1) << 14 | width - 1, 4), new Uint8Array(5))
    : joined([0, 0, 0, 0], little(width - 1, 3), little(height - 1, 3));
  return joined(ascii("RIFF"), little(100, 4), ascii("WEBP"), ascii(form), little(10, 4), size);
}
