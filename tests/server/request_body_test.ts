import { nextPiece } from "../../src/streams/byte_source.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChunkedBody, CountedBody } from "../../src/http/body.ts";
import { ConnectionReader } from "../../src/http/reader.ts";
import { RequestBody } from "../../src/server/request_body.ts";
import { nextTurn } from "../support/time/passing_time.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";

const CHUNKS = "1\r\na\r\n1\r\nb\r\n0\r\n\r\n";

async function bodyOf(
  text: string,
  framing: "chunked" | number,
): Promise<{ body: RequestBody; log: string[] }> {
  const bytes = latin1(text);
  const reader = new ConnectionReader(inputOf(bytes, bytes.length, "silence"));
  await reader.readable();
  const log: string[] = [];
  const framed = framing === "chunked" ? new ChunkedBody(reader) : new CountedBody(reader, framing);
  const body = new RequestBody(framed, undefined, {
    now: () => 0,
    onWanted: () => Promise.resolve(void log.push("wanted")),
    onEnd: () => log.push("end"),
    onBroken: () => log.push("broken"),
  });
  return { body, log };
}

Deno.test("RequestBody: an unread body is skipped, and frees the connection if all of it has arrived", async () => {
  assertEquals((await bodyOf(CHUNKS, "chunked")).body.skipUnread(), true);
  assertEquals((await bodyOf("hello", 5)).body.skipUnread(), true);
  assertEquals((await bodyOf("hel", 5)).body.skipUnread(), false);
  assertEquals((await bodyOf("zz\r\n", "chunked")).body.skipUnread(), false);
});

Deno.test("RequestBody: skipping takes no bytes from a reader", async () => {
  // The reader returns chunks of this length one by one, and joins short ones.
  const long = "b".repeat(2_000);
  const { body } = await bodyOf(`1\r\na\r\n7d0\r\n${long}\r\n0\r\n\r\n`, "chunked");
  assertEquals(body.tryRead(), latin1("a"));
  assertEquals(body.skipUnread(), false);
  assertEquals(body.tryRead(), latin1(long));
  assertEquals(body.tryRead(), null);
  assertEquals(body.skipUnread(), true);
});

Deno.test("RequestBody: the client gets 100 Continue only when a reader waits for the body", async () => {
  const { body, log } = await bodyOf("hello", 5);
  assertEquals(await nextPiece(body), latin1("hello"));
  assertEquals(await nextPiece(body), null);
  assertEquals(log, ["end"]);
  const waiting = await bodyOf("he", 5);
  assertEquals(await nextPiece(waiting.body), latin1("he"));
  void nextPiece(waiting.body);
  await Promise.resolve();
  assertEquals(waiting.log, ["wanted"]);
});

Deno.test("RequestBody: bytes of framing do not end the wait that upload_timeout limits", async () => {
  let now = 0;
  const sent = ["5", ";", "x", "\r\nhello\r\n"];
  const arrivals: (() => void)[] = [];
  const reader = new ConnectionReader({
    read: (into) =>
      new Promise((resolve) =>
        arrivals.push(() => {
          const piece = latin1(sent.shift() ?? "");
          into.set(piece);
          resolve(piece.length);
        })
      ),
  });
  const body = new RequestBody(new ChunkedBody(reader), undefined, {
    now: () => now,
    onWanted: undefined,
    onEnd() {},
    onBroken() {},
  });
  const piece = nextPiece(body);
  for (let count = 0; count < 4; count++) {
    await nextTurn();
    assertEquals(body.stall.since, 0, `after ${count} arrivals`);
    now += 1_000;
    arrivals.shift()?.();
  }
  assertEquals(await piece, latin1("hello"));
  assertEquals(body.stall.isRunning, false);
  void nextPiece(body);
  assertEquals(body.stall.since, 4_000, "the next wait begins now");
});

Deno.test("RequestBody: reject wakes the reader, and only its first error counts", async () => {
  const { body, log } = await bodyOf("he", 5);
  assertEquals(await nextPiece(body), latin1("he"));
  const waiting = nextPiece(body);
  await nextTurn();
  assertEquals(body.stall.isRunning, true);
  body.reject(new Error("too slow"));
  body.reject(new Error("another"));
  await assertRejects(() => waiting, Error, "too slow");
  assertThrows(() => body.tryRead(), Error, "too slow");
  assertEquals([body.stall.isRunning, log], [false, ["wanted", "broken", "broken"]]);
});
