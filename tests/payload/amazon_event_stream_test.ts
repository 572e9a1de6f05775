import { assertEquals } from "@std/assert";
import { crc32 as zlibCrc32 } from "node:zlib";
import { concat } from "../../src/streams/bytes.ts";
import { AmazonEventReader } from "../../src/payload/amazon_event_stream.ts";
import { Base64Reader } from "../../src/payload/base64_reader.ts";
import { crc32 } from "../../src/payload/crc32.ts";
import { amazonEvent } from "../support/data/amazon_events.ts";
import { random } from "../support/data/random.ts";

type Read = { type: string | undefined; payload: string; isWhole: boolean };

function read(pieces: readonly Uint8Array[]): { events: Read[]; isBroken: boolean } {
  const events: (Read & { bytes: number[] })[] = [];
  const reader = new AmazonEventReader({
    begin: (type) => events.push({ type, payload: "", isWhole: false, bytes: [] }),
    payload: (bytes, from, to) => events.at(-1)?.bytes.push(...bytes.subarray(from, to)),
    end() {
      const last = events.at(-1);
      if (last !== undefined) last.isWhole = true;
    },
  });
  for (const piece of pieces) reader.write(piece);
  return {
    events: events.map(({ type, isWhole, bytes }) => ({
      type,
      isWhole,
      payload: new TextDecoder().decode(Uint8Array.from(bytes)),
    })),
    isBroken: reader.isBroken,
  };
}

const STREAM = concat([
  amazonEvent("contentBlockDelta", { delta: { text: "Grüße" } }),
  amazonEvent("throttlingException", { message: "slow down" }, "exception"),
  amazonEvent("metadata", { usage: { inputTokens: 1 } }),
]);
const EVENTS: Read[] = [
  { type: "contentBlockDelta", payload: '{"delta":{"text":"Grüße"}}', isWhole: true },
  { type: undefined, payload: '{"message":"slow down"}', isWhole: true },
  { type: "metadata", payload: '{"usage":{"inputTokens":1}}', isWhole: true },
];

Deno.test("AmazonEventReader: what the SDKs' codec writes, whole and split at every byte", () => {
  assertEquals(read([STREAM]), { events: EVENTS, isBroken: false });
  for (let at = 1; at < STREAM.length; at++) {
    assertEquals(read([STREAM.subarray(0, at), STREAM.subarray(at)]).events, EVENTS, `split at ${at}`);
  }
  assertEquals(read([...STREAM].map((byte) => Uint8Array.of(byte))).events, EVENTS);
});

Deno.test("AmazonEventReader: a byte that changed on the way ends the reading at its message", () => {
  const first = amazonEvent("contentBlockDelta", { delta: { text: "Grüße" } }).length;
  for (let at = 0; at < first; at++) {
    const damaged = STREAM.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 0x20;
    const { events, isBroken } = read([damaged]);
    assertEquals(isBroken, true, `byte ${at}`);
    assertEquals(events.some(({ isWhole }) => isWhole), false, `byte ${at}`);
  }
});

Deno.test("AmazonEventReader: lengths that do not fit are broken, and nothing is read of garbage", () => {
  const prelude = (total: number, headers: number): Uint8Array => {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, total);
    view.setUint32(4, headers);
    view.setUint32(8, zlibCrc32(bytes.subarray(0, 8)));
    return bytes;
  };
  assertEquals(read([prelude(15, 0)]).isBroken, true);
  assertEquals(read([prelude(20, 5)]).isBroken, true);
  assertEquals(read([prelude(0xffffffff, 0xfffffff0)]).isBroken, true);
  assertEquals(read([prelude(16, 0)]), {
    events: [{ type: undefined, payload: "", isWhole: false }],
    isBroken: false,
  });
  const { below } = random(20261129);
  for (let round = 0; round < 2_000; round++) {
    const garbage = Uint8Array.from({ length: 12 + below(80) }, () => below(256));
    assertEquals(read([garbage]), { events: [], isBroken: true });
  }
});

Deno.test("crc32: that of zlib, in one piece and in two", () => {
  const { below } = random(3);
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => below(256));
    const middle = below(length + 1);
    const before = crc32(bytes, { from: 0, to: middle });
    assertEquals(crc32(bytes, { from: middle, to: length, before }), zlibCrc32(bytes));
  }
});

Deno.test("Base64Reader: what the runtime decodes, cut anywhere, with slashes escaped or not", () => {
  const { below } = random(4);
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, () => below(256));
    const plain = bytes.toBase64();
    for (const text of [plain, plain.replaceAll("/", "\\/")]) {
      const letters = new TextEncoder().encode(text);
      const parts: Uint8Array[] = [];
      const reader = new Base64Reader((part) => parts.push(part.slice()));
      const cut = below(letters.length + 1);
      reader.write(letters, 0, cut);
      reader.write(letters, cut, letters.length);
      reader.end();
      assertEquals(concat(parts), bytes);
      parts.length = 0;
      reader.write(letters, 0, letters.length);
      assertEquals(concat(parts), bytes, "a second text");
    }
  }
});

Deno.test("Base64Reader: nothing behind a letter that is no digit, up to the next text", () => {
  const parts: string[] = [];
  const reader = new Base64Reader((part) => parts.push(new TextDecoder().decode(part)));
  const write = (text: string) => reader.write(new TextEncoder().encode(text), 0, text.length);
  write("YWJj\\u0041YWJj");
  write("YWJj");
  reader.end();
  write("ZGVm");
  assertEquals(parts, ["abc", "def"]);
});
