import { assertEquals, assertThrows } from "@std/assert";
import { encodeLatin1 } from "../../src/http/latin1.ts";
import { ConnectionError } from "../../src/server/http2/frames.ts";
import { HpackDecoder } from "../../src/server/http2/hpack_decoder.ts";
import { decodeHuffman } from "../../src/server/http2/huffman.ts";
import { responseBlock } from "../../src/server/http2/response_block.ts";
import { GET, integer, literal, text } from "../support/clients/http2_frames.ts";

const LIMITS = { maxFields: 100, maxBytes: 10_000 };

function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));
}

function decode(decoder: HpackDecoder, bytes: Uint8Array, limits = LIMITS) {
  const { fields, count, isTooLong } = decoder.decode({ bytes, start: 0, end: bytes.length }, limits);
  return { pairs: fields.map(({ name, value }) => `${name}: ${value}`), count, isTooLong };
}

Deno.test("HPACK: the examples of RFC 7541, C.4, share one table and use the Huffman code", () => {
  const decoder = new HpackDecoder();
  const usual = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
  assertEquals(decode(decoder, hex("828684418cf1e3c2e5f23a6ba0ab90f4ff")).pairs, usual);
  assertEquals(decode(decoder, hex("828684be5886a8eb10649cbf")).pairs, [...usual, "cache-control: no-cache"]);
  assertEquals(decode(decoder, hex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")).pairs, [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ]);
});

Deno.test("HPACK: the Huffman code of each byte is decoded, and an incomplete code is an error", () => {
  // The codes of appendix B for bytes of each length.
  const codes: readonly (readonly [string, string])[] = [
    ["0", "00000"],
    [" ", "010100"],
    [":", "1011100"],
    ["&", "11111000"],
    ["!", "1111111000"],
    ["'", "11111111010"],
    ["#", "111111111010"],
    ["\0", "1111111111000"],
    ["^", "11111111111100"],
    ["<", "111111111111100"],
    ["\\", "1111111111111110000"],
    ["\x80", "11111111111111100110"],
    ["\xff", "11111111111111111111101110"],
    ["\n", "111111111111111111111111111100"],
  ];
  const bytesOf = (bits: string) =>
    Uint8Array.from(
      bits.padEnd(Math.ceil(bits.length / 8) * 8, "1").match(/.{8}/g) ?? [],
      (byte) => parseInt(byte, 2),
    );
  const all = bytesOf(codes.map(([, bits]) => bits).join(""));
  assertEquals(decodeHuffman(all, 0, all.length), codes.map(([character]) => character).join(""));
  for (const [character, bits] of codes) {
    const bytes = bytesOf(bits);
    assertEquals(decodeHuffman(bytes, 0, bytes.length), character);
  }
  for (const broken of ["00000000", "1".repeat(8), "00000111" + "1".repeat(8), "1".repeat(32)]) {
    const bytes = bytesOf(broken);
    assertThrows(() => decodeHuffman(bytes, 0, bytes.length), ConnectionError);
  }
});

Deno.test("HPACK: the table drops its oldest entries, and obeys the client's changes of its size", () => {
  const decoder = new HpackDecoder();
  const indexed = (name: string, value: string) => Uint8Array.from([0x40, ...text(name), ...text(value)]);
  for (let count = 0; count < 100; count++) decode(decoder, indexed(`x-${count}`, "v".repeat(100)));
  assertEquals(decode(decoder, Uint8Array.of(0xbe)).pairs, [`x-99: ${"v".repeat(100)}`]);
  // Of 136 bytes each, 30 entries fit.
  assertEquals(decode(decoder, Uint8Array.of(0xbe + 29)).pairs, [`x-70: ${"v".repeat(100)}`]);
  assertThrows(() => decode(decoder, Uint8Array.of(0xbe + 30)), ConnectionError);
  assertEquals(decode(decoder, Uint8Array.of(0x20 | 31, ...integer(136, 5).slice(1), 0xbe)).count, 1);
  assertThrows(() => decode(decoder, Uint8Array.of(0xbf)), ConnectionError);
  // An entry that is larger than the table empties it.
  decode(decoder, indexed("x-large", "v".repeat(200)));
  assertThrows(() => decode(decoder, Uint8Array.of(0xbe)), ConnectionError);
  decode(decoder, indexed("x-a", "1"));
  decode(decoder, indexed("x-b", "1"));
  assertEquals(decode(decoder, Uint8Array.of(0xbe, 0xbf)).pairs, ["x-b: 1", "x-a: 1"]);
});

Deno.test("HPACK: of a head that is too long only the method stays, and too many fields are an error", () => {
  const decoder = new HpackDecoder();
  const block = Uint8Array.from([
    ...literal(":method", "PUT"),
    ...literal("x-a", "1"),
    ...literal(":path", `/${"x".repeat(50)}`),
    ...literal("x-b", "2"),
  ]);
  assertEquals(decode(decoder, block, { maxFields: 4, maxBytes: 20 }), {
    pairs: [":method: PUT"],
    count: 4,
    isTooLong: true,
  });
  assertThrows(() => decode(decoder, block, { maxFields: 3, maxBytes: 1_000 }), ConnectionError);
});

Deno.test("HPACK: the blanks around a value count, because its text may hold them", () => {
  const blanks = Uint8Array.from(literal("x-a", `${" ".repeat(100)}value`));
  assertEquals(decode(new HpackDecoder(), blanks, { maxFields: 1, maxBytes: 107 }).isTooLong, true);
  assertEquals(decode(new HpackDecoder(), blanks, { maxFields: 1, maxBytes: 108 }).isTooLong, false);
});

Deno.test("HPACK: a block begins with two changes of the table size at most", () => {
  assertEquals(decode(new HpackDecoder(), Uint8Array.of(0x20, 0x3f, 0xe1, 0x1f, 0x82)).count, 1);
  assertThrows(() => decode(new HpackDecoder(), Uint8Array.of(0x20, 0x20, 0x20, 0x82)), ConnectionError);
});

Deno.test("HPACK: a block costs as much as the work for it", () => {
  const cost = (bytes: readonly number[]) =>
    new HpackDecoder().decode({ bytes: Uint8Array.from(bytes), start: 0, end: bytes.length }, LIMITS).cost;
  assertEquals(cost([GET, GET]), 2);
  assertEquals(cost([0x20, 0x20, GET]), 3);
  assertEquals(cost([0x40, ...text("x-a"), ...text("1")]), 2);
  assertEquals(cost(literal("x-a", "v".repeat(2_560))), 11);
});

Deno.test("HPACK: a name or a value that HTTP/1.1 could not carry is an error", () => {
  for (
    const [name, value] of [
      ["", "1"],
      ["x a", "1"],
      ["X-A", "1"],
      [":other", "1"],
      ["x-a\r\n", "1"],
      ["x-a", "1\r\nx-b: 2"],
      [
        "x-a",
        "\0",
      ],
      ["x-a", "\x7f"],
      [":method", "GE T"],
    ] as const
  ) {
    const block = Uint8Array.from(literal(name, value));
    assertThrows(() => decode(new HpackDecoder(), block), ConnectionError);
  }
});

Deno.test("HPACK: the block of a response decodes to its fields, with repeats joined", () => {
  const block = responseBlock({
    status: 418,
    fields: [
      { name: "Content-Type", lower: "content-type", value: "text/plain" },
      { name: "X-A", lower: "x-a", value: "1" },
      { name: "Connection", lower: "connection", value: "close" },
      { name: "Set-Cookie", lower: "set-cookie", value: "a=1" },
      { name: "Set-Cookie", lower: "set-cookie", value: "b=2" },
      { name: "X-A", lower: "x-a", value: "caf\xe9" },
      { name: "X-Long", lower: "x-long", value: "v".repeat(5_000) },
    ],
    length: 12,
  });
  assertEquals(decode(new HpackDecoder(), block).pairs, [
    ":status: 418",
    "content-type: text/plain",
    "x-a: 1, caf\xe9",
    "set-cookie: a=1",
    "set-cookie: b=2",
    `x-long: ${"v".repeat(5_000)}`,
    "content-length: 12",
  ]);
  const ok = responseBlock({ status: 200, fields: [], length: undefined });
  assertEquals([...ok], [0x88]);
  assertEquals(encodeLatin1("\xe9"), Uint8Array.of(0xe9));
});
