import { assertEquals } from "@std/assert";
import { soundSeconds } from "../../src/payload/sound_length.ts";

/** A WAV file of one second. `format` 1 is uncompressed. */
function wav(
  { rate = 16_000, channels = 1, bits = 16, format = 1, before = "" }: {
    rate?: number;
    channels?: number;
    bits?: number;
    format?: number;
    before?: string;
  } = {},
): Uint8Array {
  const length = channels * rate * bits / 8;
  const head = new TextEncoder().encode(`RIFF____WAVE${before}fmt ________________________data____`);
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  const at = 12 + before.length + 8;
  view.setUint32(at - 4, 16, true);
  view.setUint16(at, format, true);
  view.setUint16(at + 2, channels, true);
  view.setUint32(at + 4, rate, true);
  view.setUint16(at + 14, bits, true);
  return bytes;
}

Deno.test("soundSeconds: uncompressed WAV has the length of its samples", () => {
  assertEquals(Math.round(soundSeconds(wav())), 1);
  assertEquals(Math.round(soundSeconds(wav({ rate: 48_000, channels: 2 }))), 1);
  assertEquals(Math.round(soundSeconds(wav({ before: "LIST\x02\0\0\0ab" }))), 1);
});

Deno.test("soundSeconds: all other sound has a second for each 1,000 bytes", () => {
  assertEquals(soundSeconds(new Uint8Array()), 0);
  assertEquals(soundSeconds(new Uint8Array(20_000)), 20);
  assertEquals(soundSeconds(new TextEncoder().encode("RIFF")), 0.004);
  const adpcm = wav({ format: 2 });
  assertEquals(soundSeconds(adpcm), adpcm.length / 1_000);
});

Deno.test("soundSeconds: a header cannot make sound shorter than common recordings are", () => {
  const liar = wav({ rate: 4_000_000_000, channels: 1 / 4_000, bits: 16 });
  new DataView(liar.buffer).setUint32(24, 4_000_000_000, true);
  assertEquals(soundSeconds(liar) >= liar.length / 192_000, true);
  const endless = new TextEncoder().encode(`RIFF____WAVE${"junk\0\0\0\0".repeat(1_000)}`);
  assertEquals(soundSeconds(endless), endless.length / 1_000);
});
