import { assertEquals, assertLess } from "@std/assert";
import { JsonScanner } from "../../src/payload/json_scanner.ts";
import { compileSelection } from "../../src/payload/json_selection.ts";
import { MediaMeter } from "../../src/payload/media_meter.ts";
import { collectGarbage } from "../support/runner/collect_garbage.ts";
import { png } from "../support/data/images.ts";

const SELECTED = compileSelection({ source: { type: true, data: "media" } });

/** Measures `{"source":{…}}` with these pieces as its members. */
function measured(pieces: Iterable<string>, meter = new MediaMeter()): MediaMeter {
  const scanner = new JsonScanner(SELECTED, (path, value) => meter.stated(path, value), { media: meter });
  const write = (text: string): void => scanner.write(new TextEncoder().encode(text));
  write('{"source":{');
  for (const piece of pieces) write(piece);
  write('"end":0}}');
  return meter;
}

const IMAGE = `"data":"${png({ width: 512, height: 512 }).toBase64()}",`;
const TYPES = ["base64", "text", "else"].map((type) => `"type":"${type}",`);

Deno.test("MediaMeter: a text in the place of an image counts as no media, if the object has nothing else", () => {
  const [base64 = "", text = "", other = ""] = TYPES;
  const isOpaque = (...pieces: readonly string[]) => measured(pieces).isOpaque;
  assertEquals(isOpaque(text, '"data":"x",'), false);
  assertEquals(isOpaque(base64, '"data":"x",'), true);
  for (const repeated of [2, 3, 10]) {
    assertEquals(isOpaque(text, '"data":"x",'.repeat(repeated)), true);
    assertEquals(isOpaque(text.repeat(repeated), '"data":"x",'), true);
    assertEquals(isOpaque(base64.repeat(repeated), IMAGE), false);
    assertEquals(isOpaque(base64.repeat(repeated), other, IMAGE), true);
    assertEquals(isOpaque(base64, text, IMAGE, IMAGE), true);
  }
});

Deno.test("MediaMeter: each image of an object counts", () => {
  const one = measured([IMAGE]);
  for (const count of [2, 3, 10]) {
    const all = measured([IMAGE.repeat(count)]);
    assertEquals(all.images.openai, count * one.images.openai);
    assertEquals(all.imageBytes, count * one.imageBytes);
  }
});

Deno.test("MediaMeter: an object with very many members takes no memory", async () => {
  const heapBytes = async (): Promise<number> => {
    await collectGarbage();
    return Deno.memoryUsage().heapUsed;
  };
  const meter = new MediaMeter();
  const before = await heapBytes();
  const piece = `"data":"x","type":"text",`.repeat(1_000);
  const scanner = new JsonScanner(SELECTED, (path, value) => meter.stated(path, value), { media: meter });
  scanner.write(new TextEncoder().encode('{"source":{'));
  for (let written = 0; written < 200; written++) scanner.write(new TextEncoder().encode(piece));
  const used = await heapBytes() - before;
  assertEquals(meter.count, 200_000);
  assertLess(used, 2_000_000);
});
