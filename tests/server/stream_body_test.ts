import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClientGone } from "../../src/cancellation.ts";
import { nextPiece } from "../../src/streams/byte_source.ts";
import { StreamBody } from "../../src/server/http2/stream_body.ts";

const encoder = new TextEncoder();

function bodyOf(length?: number): { body: StreamBody; released: () => number; pass: (ms: number) => void } {
  let released = 0;
  let now = 0;
  const body = new StreamBody({ length, now: () => now, onReleased: (bytes) => void (released += bytes) });
  return { body, released: () => released, pass: (ms) => void (now += ms) };
}

async function textOf(body: StreamBody): Promise<string> {
  let text = "";
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

Deno.test("StreamBody: returns the bytes that have arrived, and releases those that its reader has taken", async () => {
  const { body, released } = bodyOf();
  const piece = encoder.encode("hel");
  body.push(piece);
  piece.fill(0);
  assertEquals(released(), 0);
  const text = textOf(body);
  body.push(encoder.encode("l"));
  await Promise.resolve();
  body.push(encoder.encode("o"));
  body.end();
  assertEquals([await text, released()], ["hello", 5]);
});

Deno.test("StreamBody: single bytes do not take an array each", () => {
  const { body, released } = bodyOf();
  for (let count = 0; count < 10_000; count++) body.push(Uint8Array.of(7));
  let pieces = 0;
  for (let piece = body.tryRead(); piece instanceof Uint8Array; piece = body.tryRead()) pieces++;
  assertEquals([pieces, released()], [4, 10_000]);
});

Deno.test("StreamBody: says whether there is content as soon as that is known", async () => {
  const full = bodyOf().body;
  const hasContent = full.hasContent();
  full.push(encoder.encode("x"));
  assertEquals(await hasContent, true);
  const empty = bodyOf().body;
  empty.end();
  assertEquals(await empty.hasContent(), false);
  const failed = bodyOf().body;
  failed.fail(new ClientGone("the client left"));
  await assertRejects(() => failed.hasContent(), ClientGone);
});

Deno.test("StreamBody: a body that fails wakes its reader with the first error, and never looks complete", async () => {
  const { body, released } = bodyOf();
  body.push(encoder.encode("he"));
  const text = textOf(body);
  body.fail(new ClientGone("first"));
  body.fail(new ClientGone("second"));
  body.end();
  assertEquals((await assertRejects(() => text, ClientGone)).message, "first");
  body.push(encoder.encode("llo"));
  assertEquals(released(), 5, "bytes that come later are released at once");
});

Deno.test("StreamBody: a cancelled body releases what it holds, and never looks complete", () => {
  const { body, released } = bodyOf();
  body.push(encoder.encode("he"));
  body.end();
  body.cancel();
  assertEquals(released(), 2);
  assertThrows(() => body.tryRead(), ClientGone);
  const read = bodyOf();
  read.body.push(encoder.encode("he"));
  read.body.end();
  assertEquals(read.body.tryRead()?.length, 2);
  read.body.cancel();
  assertEquals(read.body.tryRead(), null);
});

Deno.test("StreamBody: its timer runs only while a reader waits for the client", async () => {
  const { body, pass } = bodyOf();
  assertEquals(body.stall.isRunning, false);
  const readable = body.readable();
  pass(10);
  assertEquals(body.stall.isOver(5), true);
  body.push(encoder.encode("x"));
  await readable;
  assertEquals(body.stall.isRunning, false);
  await body.readable();
  assertEquals(body.stall.isRunning, false);
});
