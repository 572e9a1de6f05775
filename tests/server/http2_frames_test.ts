import { assertEquals } from "@std/assert";
import { ClientFrames, STREAM_FIELD } from "../../src/server/http2/client_frames.ts";
import { HeaderBlockScan } from "../../src/server/http2/header_block_scan.ts";
import { ServerFrames } from "../../src/server/http2/server_frames.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  HTTPS,
  integer,
  literal,
  PADDED,
  PRIORITY,
  text,
  WHOLE,
} from "../support/clients/http2_frames.ts";

const HEAD = [GET, HTTPS, ...literal(":path", "/x"), ...literal("x-long", "a".repeat(300))];
const CUTS = [1, 2, 7, 10_000];

/** Sends the bytes in pieces of this size. Returns what the runtime gets, and what was reported. */
function passed(bytes: Uint8Array<ArrayBuffer>, size = bytes.length) {
  const seen = { resets: [] as number[], abuses: 0, misleading: 0, cost: 0 };
  const frames = new ClientFrames({
    onReset: (stream) => seen.resets.push(stream),
    onTooManyFields: () => seen.abuses++,
    onMisleading: () => seen.misleading++,
  }, { maxBlockFields: () => 100 });
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...frames.pass(bytes.slice(at, at + size)));
  seen.cost = frames.takeCost();
  return { out: Uint8Array.from(out), ...seen };
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const field = (stream: number) => literal(STREAM_FIELD, String(stream));

Deno.test("ClientFrames: each request gets the number of its stream, with pieces of any length", () => {
  const priority = [0, 0, 0, 0, 16];
  const sent = join(
    frame("settings", 0, 0),
    frame("headers", WHOLE, 1, HEAD),
    frame("headers", WHOLE | PADDED | PRIORITY, 3, [7, ...priority, ...HEAD, ...Array(7).fill(0)]),
    frame("headers", END_STREAM, 5, HEAD.slice(0, 10)),
    frame("continuation", END_HEADERS, 5, HEAD.slice(10)),
    frame("data", 0, 7, [1, 2, 3]),
    // Trailers do not change.
    frame("headers", WHOLE, 5, literal("x-trailer", "1")),
  );
  const got = join(
    frame("settings", 0, 0),
    frame("headers", WHOLE, 1, [...HEAD, ...field(1)]),
    frame("headers", WHOLE | PADDED | PRIORITY, 3, [
      7,
      ...priority,
      ...HEAD,
      ...field(3),
      ...Array(7).fill(0),
    ]),
    frame("headers", END_STREAM, 5, HEAD.slice(0, 10)),
    frame("continuation", END_HEADERS, 5, [...HEAD.slice(10), ...field(5)]),
    frame("data", 0, 7, [1, 2, 3]),
    frame("headers", WHOLE, 5, literal("x-trailer", "1")),
  );
  for (const size of CUTS) assertEquals(passed(sent, size).out, got, `${size} bytes at a time`);
});

Deno.test("ClientFrames: a CONTINUATION frame follows a full frame", () => {
  const long = [GET, ...literal("x", "a".repeat(16_384 - 7))];
  assertEquals(long.length, 16_384);
  const got = join(frame("headers", END_STREAM, 1, long), frame("continuation", END_HEADERS, 1, field(1)));
  for (const size of CUTS) assertEquals(passed(frame("headers", WHOLE, 1, long), size).out, got);
});

Deno.test("ClientFrames: a truncated block stays truncated, and frames that are too short do not change", () => {
  const length = field(1).length;
  const broken = [GET, 0, 1, 120, 100, 97];
  const got = frame("headers", WHOLE, 1, [...broken, ...Array(length).fill(0xff)]);
  for (const size of CUTS) assertEquals(passed(frame("headers", WHOLE, 1, broken), size).out, got);
  for (
    const same of [
      frame("headers", WHOLE | PADDED, 1),
      frame("headers", WHOLE | PADDED, 1, [9, GET]),
      frame("headers", WHOLE | PRIORITY, 1, [0, 0]),
      frame("continuation", END_HEADERS, 1, HEAD),
    ]
  ) {
    for (const size of CUTS) assertEquals(passed(same, size).out, same);
  }
});

Deno.test("ClientFrames: reports a truncated block that the added bytes would complete", () => {
  const missing = field(1).length;
  const value = text("v".repeat(3 + missing));
  const own = [...literal(STREAM_FIELD, "9"), 0, ...text("x-a"), ...value];
  for (const size of CUTS) {
    const misleading = (bytes: number[]) => passed(frame("headers", WHOLE, 1, bytes), size).misleading;
    assertEquals(misleading(own.slice(0, -missing)), 1);
    assertEquals(misleading(own.slice(0, 1 - missing)), 0, "the added bytes reach into another field");
    assertEquals(misleading(own.slice(0, -missing - 1)), 0, "the value stays truncated");
    assertEquals(misleading(own), 0);
  }
});

Deno.test("ClientFrames: reports resets, and counts frames and fields, also in trailers", () => {
  const { resets, cost } = passed(
    join(
      frame("ping", 0, 0, Array(8).fill(3)),
      frame("headers", WHOLE, 1, HEAD),
      frame("reset", 0, 1, [0, 0, 0, 8]),
    ),
  );
  assertEquals([resets, cost], [[1], 3 + 4]);
  const bomb = Array(101).fill(0xbe);
  assertEquals(passed(frame("headers", WHOLE, 1, bomb.slice(1))).abuses, 0);
  assertEquals(passed(frame("headers", WHOLE, 1, bomb)).abuses, 1);
  assertEquals(
    passed(join(frame("headers", END_HEADERS, 1, HEAD), frame("headers", WHOLE, 1, bomb))).abuses,
    1,
  );
});

Deno.test("HeaderBlockScan: scans every kind of field, and finds its end", () => {
  const named = [64, ...literal("x-a", "b".repeat(200)).slice(1)];
  const indexedName = [...integer(70, 4), ...integer(3, 7), 1, 2, 3];
  const block = [
    0x82,
    0xff,
    0x9a,
    0x01,
    ...named,
    ...indexedName,
    0x3f,
    0xe1,
    0x1f,
    0x10,
    ...literal("never", "x").slice(1),
    ...literal("e", ""),
  ];
  const ends: number[] = [];
  const scan = new HeaderBlockScan();
  for (const [index, byte] of block.entries()) {
    scan.pass(Uint8Array.of(byte));
    if (scan.isWhole) ends.push(index + 1);
  }
  const lengths = [1, 3, named.length, indexedName.length, 3, 9, 4];
  let sum = 0;
  assertEquals(ends, lengths.map((length) => sum += length));
  assertEquals(scan.fields, lengths.length);
});

Deno.test("HeaderBlockScan: an integer that is too large is never whole", () => {
  const scan = new HeaderBlockScan();
  scan.pass(Uint8Array.from([0xff, ...Array(10).fill(0xff), 0x01, 0x82]));
  assertEquals(scan.isWhole, false);
});

Deno.test("ServerFrames: only DATA frames count as read bytes, and each response ends once", () => {
  const answers = join(
    frame("settings", 0, 0, Array(6).fill(0)),
    frame("headers", END_HEADERS, 1, HEAD),
    frame("ping", 1, 0, Array(8).fill(0)),
    frame("data", 0, 1, Array(300).fill(0)),
    frame("headers", WHOLE, 3, HEAD),
    frame("data", END_STREAM, 1),
    frame("reset", 0, 5, [0, 0, 0, 8]),
  );
  for (const size of CUTS) {
    const seen: unknown[] = [];
    const frames = new ServerFrames({
      onData: (stream, bytes) => seen.push([stream, bytes]),
      onEnd: (stream) => seen.push(stream),
    });
    for (let at = 0; at < answers.length; at += size) frames.pass(answers.subarray(at, at + size));
    assertEquals(seen, [[1, 300], 3, 1, 5]);
  }
});
