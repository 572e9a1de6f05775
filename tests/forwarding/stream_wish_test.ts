import { assertEquals } from "@std/assert";
import { StreamWish } from "../../src/forwarding/stream_wish.ts";
import { bodyOf } from "../../src/streams/bytes.ts";
import { fieldsOf } from "../support/data/fields.ts";

for (
  const [accept, expected] of [
    ["text/event-stream", true],
    ["Text/Event-Stream;q=1", true],
    ["text/event-stream, text/event-stream", true],
    ["application/json, text/event-stream", false],
    ["text/event-stream, */*", false],
    ["", false],
  ] as const
) {
  Deno.test(`StreamWish: accept: ${accept}`, () => {
    const fields = fieldsOf(`Accept: ${accept}`);
    assertEquals(new StreamWish(fields, undefined).isStream, expected);
    assertEquals(StreamWish.isPossible({ fields, body: null, payload: undefined }), expected);
  });
}

for (
  const [text, expected] of [
    ['{"model":"m","stream":true}', true],
    ['{"stream" : true, "messages":[{"stream":false}]}', true],
    ['{"stream":true,"stream":false}', false],
    ['{"stream":"true"}', false],
    ['{"messages":[{"content":"\\"stream\\":true","stream":true}]}', false],
    ["stream=true", false],
  ] as const
) {
  Deno.test(`StreamWish: the body ${text}`, () => {
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 3, bytes.length]) {
      const wish = new StreamWish([], undefined);
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, index) => bytes.subarray(index * size, (index + 1) * size),
      );
      const body = wish.watching({
        length: undefined,
        tryRead: () => pieces.shift() ?? null,
        readable: () => Promise.resolve(),
        cancel() {},
      });
      const seen: number[] = [];
      for (let piece = body.tryRead(); piece instanceof Uint8Array; piece = body.tryRead()) {
        seen.push(...piece);
      }
      assertEquals(new Uint8Array(seen), bytes);
      assertEquals(wish.isStream, expected, `pieces of ${size}`);
    }
  });
}

Deno.test("StreamWish: a body in memory decides by what was read of it", () => {
  assertEquals(new StreamWish([], true).isStream, true);
  assertEquals(new StreamWish([], false).isStream, false);
});

Deno.test("StreamWish: a compressed body that is not in memory cannot ask", () => {
  const body = bodyOf(new Uint8Array(3));
  const fields = fieldsOf("Content-Encoding: gzip");
  assertEquals(StreamWish.isPossible({ fields, body, payload: undefined }), false);
  assertEquals(StreamWish.isPossible({ fields: [], body, payload: undefined }), true);
});
