import { assertEquals } from "@std/assert";
import { type ImageSize, imageSize } from "../../src/payload/image_size.ts";
import { gif, jpeg, png, webp } from "../support/data/images.ts";

const SIZE: ImageSize = { width: 4032, height: 3024 };

Deno.test("imageSize: PNG, GIF, JPEG and the three forms of WebP state their size", () => {
  const images = { png: png(SIZE), gif: gif(SIZE), jpeg: jpeg(SIZE) };
  for (const [name, bytes] of Object.entries(images)) assertEquals(imageSize(bytes), SIZE, name);
  for (const form of ["VP8 ", "VP8L", "VP8X"] as const) assertEquals(imageSize(webp(SIZE, form)), SIZE, form);
});

Deno.test("imageSize: the thumbnail inside of a photo is not its size", () => {
  const thumbnail = jpeg({ width: 160, height: 120 });
  assertEquals(imageSize(jpeg(SIZE, { before: [[0xe1, thumbnail], [0xe2, new Uint8Array(60_000)]] })), SIZE);
});

Deno.test("imageSize: the larger one of a GIF's screen and its first image counts", () => {
  assertEquals(imageSize(gif({ width: 1, height: 1 }, SIZE)), SIZE);
  assertEquals(imageSize(gif(SIZE, { width: 1, height: 1 })), SIZE);
});

Deno.test("imageSize: no size of what is cut, empty, contradictory or something else", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  for (
    const bytes of [
      new Uint8Array(),
      text("%PDF-1.7"),
      text("RIFF1234WAVEfmt 12345678901234567890"),
      png({ width: 0, height: 10 }),
      png({ width: 1_000_000, height: 1 }),
      png(SIZE).subarray(0, 20),
      gif(SIZE).subarray(0, 13),
      jpeg(SIZE).subarray(0, 12),
      Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 1, 1, 1, 1, 1),
      Uint8Array.of(0xff, 0xd8, ...new Uint8Array(100)),
      new Uint8Array(300_000).fill(0xff),
    ]
  ) assertEquals(imageSize(bytes), undefined);
});
