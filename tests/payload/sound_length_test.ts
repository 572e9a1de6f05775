import { assertEquals } from "@std/assert";
import { soundSeconds, UNKNOWN_SOUND_SECONDS } from "../../src/payload/sound_length.ts";

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
  new DataView(adpcm.buffer).setUint32(28, 4_000, true);
  assertEquals(soundSeconds(adpcm), adpcm.length / 1_000);
});

Deno.test("soundSeconds: a header cannot make sound shorter than common recordings are", () => {
  const liar = wav({ rate: 4_000_000_000, channels: 1 / 4_000, bits: 16 });
  new DataView(liar.buffer).setUint32(24, 4_000_000_000, true);
  assertEquals(soundSeconds(liar) >= liar.length / 192_000, true);
  const endless = new TextEncoder().encode(`RIFF____WAVE${"junk\0\0\0\0".repeat(1_000)}`);
  assertEquals(soundSeconds(endless), UNKNOWN_SOUND_SECONDS);
});

const bytesOf = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...part].map((one) => one.charCodeAt(0)) : [...part]),
  );
const big = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** (bytes - 1 - at)) & 0xff);
const little = (value: number, bytes: number): number[] => big(value, bytes).reverse();

/** A page of Ogg with one packet. */
function page(packet: readonly number[], { granule = 0, serial = 1 } = {}): number[] {
  const head = [0x4f, 0x67, 0x67, 0x53, 0, 0, ...little(granule, 8), ...little(serial, 4)];
  return [...head, ...little(0, 8), 1, packet.length, ...packet];
}
const OPUS = [...bytesOf("OpusHead", [1, 1, 0, 0])];
const VORBIS = [...bytesOf([1], "vorbis", little(0, 4), [1], little(16_000, 4))];
const box = (type: string, ...content: readonly number[]): number[] => [
  ...big(content.length + 8, 4),
  ...bytesOf(type),
  ...content,
];
const mvhd = (duration: number) => box("mvhd", ...big(0, 12), ...big(1_000, 4), ...big(duration, 4));
const element = (id: number, ...content: readonly number[]): number[] => {
  const idBytes = Math.ceil((32 - Math.clz32(id)) / 8);
  return [...big(id, idBytes), 0x40 | content.length >> 8, content.length & 0xff, ...content];
};
const EBML = element(0x1a45dfa3, 0x42, 0x86, 0x81, 1);
const float = (value: number): number[] => [...new Uint8Array(new Float64Array([value]).buffer)].reverse();
const webm = (...content: readonly number[]) => bytesOf(EBML, [0x18, 0x53, 0x80, 0x67, 0xff], content);
const cluster = (ms: number) => element(0x1f43b675, ...element(0xe7, ...big(ms, 4)));
const flac = (samples: number) =>
  bytesOf("fLaC", [0x80, 0, 0, 34], big(0, 10), big(44_100 * 16, 3), [0xf0], big(samples, 4), big(0, 16));
const HOUR = 3_600;

Deno.test("soundSeconds: silence in few bytes lasts as long as its container says", () => {
  const files: Readonly<Record<string, Uint8Array>> = {
    opus: bytesOf(page(OPUS), page([1], { granule: 48_000 * HOUR })),
    vorbis: bytesOf(page(VORBIS), page([1], { granule: 16_000 * HOUR })),
    "ogg, one after the other": bytesOf(
      page(OPUS),
      page([1], { granule: 24_000 * HOUR }),
      page(OPUS, { serial: 2 }),
      page([1], { granule: 24_000 * HOUR, serial: 2 }),
    ),
    mp4: bytesOf(box("ftyp"), box("moov", ...mvhd(1_000 * HOUR))),
    "mp4, its header at the end": bytesOf(
      box("ftyp"),
      box("mdat", 1, 2, 3),
      box("moov", ...mvhd(1_000 * HOUR)),
    ),
    "mp4 in fragments": bytesOf(
      box("ftyp"),
      box("moov", ...mvhd(0), ...box("mvex", ...box("mehd", 0, 0, 0, 0, ...big(1_000 * HOUR, 4)))),
    ),
    webm: webm(...element(0x1549a966, ...element(0x4489, ...float(1_000 * HOUR)))),
    "webm of a recorder": webm(...element(0x1549a966), ...cluster(0), ...cluster(1_000 * HOUR)),
    "webm that states too little": webm(
      ...element(0x1549a966, ...element(0x4489, ...float(5))),
      ...cluster(1_000 * HOUR),
    ),
    flac: flac(44_100 * HOUR),
    "wav of few bytes a second": bytesOf("RIFF____WAVEfmt ", little(16, 4), little(49, 2), little(1, 2), [
      ...little(8_000, 4),
      ...little(1, 4),
    ], new Array(HOUR - 32).fill(0)),
  };
  for (const [name, bytes] of Object.entries(files)) {
    assertEquals(Math.round(soundSeconds(bytes)), HOUR, name);
  }
});

Deno.test("soundSeconds: a container never makes sound shorter than its bytes do", () => {
  const rest = new Array<number>(100_000).fill(0);
  assertEquals(soundSeconds(bytesOf(box("moov", ...mvhd(1)), rest)) > 100, true);
  assertEquals(soundSeconds(bytesOf([...flac(1)], rest)) > 100, true);
});

Deno.test("soundSeconds: a container that states no length counts as the longest sound", () => {
  for (
    const bytes of [
      bytesOf(page(OPUS)),
      bytesOf(page([1, 2, 3]), page([1], { granule: 5 })),
      bytesOf(page(OPUS), page([1], { granule: 5 }), [0], page([1], { granule: 500 })),
      bytesOf(box("ftyp")),
      bytesOf(box("moov", ...mvhd(0))),
      bytesOf(box("moov", ...mvhd(9), ...box("mvex"))),
      webm(),
      flac(0),
      bytesOf("RIFF____WAVEjunk", little(0, 4)),
    ]
  ) assertEquals(soundSeconds(bytes), UNKNOWN_SOUND_SECONDS);
});
