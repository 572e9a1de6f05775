import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { ResultsUrls } from "../../src/forwarding/results_urls.ts";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import { concat } from "../../src/streams/bytes.ts";

/** Gives the bytes in pieces of a size, all in the same buffer, which the next piece overwrites. */
function inPieces(bytes: Uint8Array, size: number): MessageBody {
  const buffer = new Uint8Array(size);
  let at = 0;
  return {
    length: bytes.length,
    tryRead() {
      if (at === bytes.length) return null;
      const piece = bytes.subarray(at, at + size);
      at += piece.length;
      buffer.set(piece);
      return buffer.subarray(0, piece.length);
    },
    readable: () => Promise.resolve(),
    cancel() {},
  };
}

async function replaced(json: string, size: number, seen: string[] = []): Promise<string> {
  const body = new ResultsUrls(inPieces(new TextEncoder().encode(json), size), (url) => {
    seen.push(url);
    return url.startsWith("own") ? `new${url.slice(3)}` : undefined;
  });
  const pieces: Uint8Array[] = [];
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    pieces.push(piece.slice());
  }
  return new TextDecoder().decode(concat(pieces));
}

const CASES: readonly (readonly [json: string, seen: string])[] = [
  [
    String
      .raw`{"é\"":"results_url","a\\":1,"results_url" : "own/é","b":[{"results_url":null},{"results_url":"x"}]}`,
    String
      .raw`{"é\"":"results_url","a\\":1,"results_url" : "new/é","b":[{"results_url":null},{"results_url":null}]}`,
  ],
  [
    String.raw`{"\u0072\u0065\u0073\u0075\u006c\u0074\u0073\u005f\u0075\u0072\u006c":"\u006fwn\/\"x"}`,
    String.raw`{"\u0072\u0065\u0073\u0075\u006c\u0074\u0073\u005f\u0075\u0072\u006c":"new/\"x"}`,
  ],
  [
    String
      .raw`[{"Results_URL":"own","reſultſ_url":"own","xresults_url":"own","results_url\"":"own","results_url":7}]`,
    String
      .raw`[{"Results_URL":"new","reſultſ_url":"new","xresults_url":"own","results_url\"":"own","results_url":7}]`,
  ],
  ['{"a":"results_url"}{"results_url"\n:\t"x"', '{"a":"results_url"}{"results_url"\n:\tnull'],
  ['{"results_url":"own/that breaks off', '{"results_url":'],
];
for (const [json, seen] of CASES) {
  Deno.test(`ResultsUrls replaces the URLs in pieces of every size: ${json}`, async () => {
    for (let size = 1; size <= 120; size++) assertEquals(await replaced(json, size), seen);
  });
}

Deno.test("ResultsUrls replaces a URL of more than 4 KiB by null", async () => {
  const seen: string[] = [];
  const long = "x".repeat(100_000);
  assertEquals(
    await replaced(`{"results_url":"own${long}","results_url":"own"}`, 999, seen),
    '{"results_url":null,"results_url":"new"}',
  );
  assertEquals(seen, ["own"]);
});

for (const value of ['["own"]', '{"a":1}', ' \n["own"]']) {
  Deno.test(`ResultsUrls throws bad_gateway for the value ${JSON.stringify(value)}, and again at the next read`, () => {
    const json = new TextEncoder().encode(`{"results_url":${value}}`);
    const body = new ResultsUrls(inPieces(json, json.length), (url) => url);
    for (const _ of [1, 2]) {
      const error = assertThrows(() => body.tryRead(), ProxyFault);
      assertEquals(error.code, "bad_gateway");
    }
  });
}

for (
  const [name, bytes] of [
    ["UTF-16 in big endian", Uint8Array.of(0, 0x7b)],
    ["UTF-16 in little endian", Uint8Array.of(0x7b, 0)],
    ["UTF-16 with a mark in big endian", Uint8Array.of(0xfe, 0xff, 0x7b)],
    ["UTF-16 with a mark in little endian", Uint8Array.of(0xff, 0xfe, 0x7b)],
  ] as const
) {
  Deno.test(`ResultsUrls throws bad_gateway for ${name}`, () => {
    const body = new ResultsUrls(inPieces(bytes, 1), (url) => url);
    const error = assertThrows(() => {
      for (let piece = body.tryRead(); piece !== null; piece = body.tryRead());
    }, ProxyFault);
    assertEquals(error.code, "bad_gateway");
  });
}
