/** Every source keeps the rules of ByteSource: its end and its failure stay, and its wait never rejects. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChunkedBody, CountedBody, type FramedBody, UntilCloseBody } from "../../src/http/body.ts";
import { ConnectionReader } from "../../src/http/reader.ts";
import { UnexpectedEnd } from "../../src/http/syntax_error.ts";
import { nextPiece } from "../../src/streams/byte_source.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { textOf } from "../support/data/body_text.ts";

const KINDS: readonly (readonly [name: string, text: string, (reader: ConnectionReader) => FramedBody])[] = [
  ["counted", "hello", (reader) => new CountedBody(reader, 6)],
  ["chunked", "5\r\nhello\r\n", (reader) => new ChunkedBody(reader)],
];

for (const [name, text, make] of KINDS) {
  Deno.test(`FramedBody, ${name}: the bytes before the end of the connection pass, then each read throws`, async () => {
    const body = make(new ConnectionReader(inputOf(latin1(text), text.length, "end")));
    assertEquals(await nextPiece(body), latin1("hello"));
    await assertRejects(() => nextPiece(body), UnexpectedEnd);
    for (let count = 0; count < 3; count++) {
      assertThrows(() => body.tryRead(), UnexpectedEnd);
      await body.readable();
    }
    assertEquals(body.ended, false);
  });

  Deno.test(`FramedBody, ${name}: a failure of the connection is thrown by each read, and no wait rejects`, async () => {
    const given = inputOf(latin1(text), text.length, "end");
    let reads = 0;
    const reader = new ConnectionReader({
      read: (into) => reads++ === 0 ? given.read(into) : Promise.reject(new Error(`reset ${reads}`)),
    });
    const body = make(reader);
    assertEquals(await nextPiece(body), latin1("hello"));
    await assertRejects(() => nextPiece(body), Error, "reset 2");
    await reader.readable();
    assertThrows(() => body.tryRead(), Error, "reset 2");
    assertEquals([reads, reader.isOver], [2, true], "a connection that failed is not read again");
  });
}

Deno.test("UntilCloseBody: it ends with the connection, and stays ended", async () => {
  const body = new UntilCloseBody(new ConnectionReader(inputOf(latin1("hello"), 2, "end")));
  assertEquals(await textOf(body), "hello");
  assertEquals([body.tryRead(), body.ended], [null, true]);
});

Deno.test("ConnectionReader: callers share one read", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let reads = 0;
  const reader = new ConnectionReader({
    read() {
      reads++;
      return promise;
    },
  });
  const waits = [reader.readable(), reader.readableBehind(), reader.readable()];
  resolve(3);
  await Promise.all(waits);
  assertEquals([reads, reader.buffered.length], [1, 3]);
});

Deno.test("PulledSource: one pull for a piece, however often it is waited for, and failures stay", async () => {
  let pulls = 0;
  const source = new PulledSource(() => {
    pulls++;
    return pulls < 3 ? Promise.resolve(latin1("x")) : Promise.reject(new Error("cut"));
  });
  assertEquals(source.tryRead(), undefined);
  await Promise.all([source.readable(), source.readable()]);
  await source.readable();
  assertEquals([source.tryRead(), source.tryRead(), pulls], [latin1("x"), undefined, 1]);
  assertEquals(await nextPiece(source), latin1("x"));
  for (let count = 0; count < 3; count++) await assertRejects(() => nextPiece(source), Error, "cut");
  assertEquals(pulls, 3);
});
