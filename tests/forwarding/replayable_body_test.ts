import { textOf } from "../support/data/body_text.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { ReplayableBody } from "../../src/forwarding/replayable_body.ts";
import { type MessageBody, nextPiece } from "../../src/streams/byte_source.ts";
import { nextTurn } from "../support/time/passing_time.ts";

/** A source whose pieces a test sends; they come when it is asked. */
function slowSource(): { source: MessageBody; send: (piece: string | null) => void } {
  const pieces: (Uint8Array | null)[] = [];
  let wake = Promise.withResolvers<void>();
  return {
    source: {
      length: undefined,
      tryRead() {
        const piece = pieces.shift();
        if (pieces.length === 0) wake = Promise.withResolvers();
        return piece;
      },
      readable: () => wake.promise,
      cancel() {},
    },
    send(piece) {
      pieces.push(piece === null ? null : new TextEncoder().encode(piece));
      wake.resolve();
    },
  };
}

for (const maxBytes of [100, 10]) {
  Deno.test(`ReplayableBody: an abandoned attempt takes no bytes from the next one, limit ${maxBytes}`, async () => {
    const { source, send } = slowSource();
    const body = new ReplayableBody(source, maxBytes);
    const first = body.attempt();
    send("12345");
    assertEquals(new TextDecoder().decode(await nextPiece(first) ?? undefined), "12345");
    const stillWaiting = nextPiece(first);
    const refused = assertRejects(() => stillWaiting, Error, "another attempt");
    const second = textOf(body.attempt());
    for (const piece of ["abcdefghij", "LAST", null]) {
      send(piece);
      await nextTurn();
    }
    await refused;
    assertEquals(await second, "12345abcdefghijLAST");
    assertEquals(body.replayable, maxBytes === 100);
  });
}

Deno.test("ReplayableBody: after a release in the middle the rest still passes, and no bytes are kept", async () => {
  const { source, send } = slowSource();
  const body = new ReplayableBody(source, 100);
  const text = textOf(body.attempt());
  send("one");
  await nextTurn();
  body.release();
  send("two");
  send(null);
  assertEquals([await text, body.replayable], ["onetwo", false]);
  await assertRejects(() => textOf(body.attempt()), Error, "forgotten");
});

Deno.test("ReplayableBody: attempts get the bytes that were read ahead", async () => {
  const { source, send } = slowSource();
  const body = new ReplayableBody(source, 100);
  body.readAhead();
  send("one");
  send("two");
  send(null);
  await nextTurn();
  assertEquals([await textOf(body.attempt()), await textOf(body.attempt())], ["onetwo", "onetwo"]);
});

Deno.test("ReplayableBody: beyond its memory it sends and forgets bytes, and all that follow", async () => {
  const { source, send } = slowSource();
  const asked: number[] = [];
  const body = new ReplayableBody(source, 1_000, {
    tryHold: (bytes) => asked.push(bytes) < 2,
    release() {},
    droppedBy() {},
  });
  const attempt = body.attempt();
  const pieces: [string, boolean][] = [];
  for (const text of ["one", "two", "three"]) {
    send(text);
    pieces.push([new TextDecoder().decode(await nextPiece(attempt) ?? undefined), body.replayable]);
  }
  send(null);
  assertEquals(await nextPiece(attempt), null);
  assertEquals(pieces, [["one", true], ["two", false], ["three", false]]);
  assertEquals(asked, [3, 6]);
  await assertRejects(() => nextPiece(body.attempt()), Error, "forgotten");
});

Deno.test("ReplayableBody: its memory is released when the last attempt has sent it, and not before", async () => {
  for (const isEarly of [false, true]) {
    const { source, send } = slowSource();
    let releases = 0;
    const memory = { tryHold: () => true, release: () => void releases++, droppedBy() {} };
    const body = new ReplayableBody(source, 100, memory);
    send("one");
    send(null);
    const reader = body.attempt();
    await nextPiece(reader);
    if (isEarly) body.release();
    assertEquals(releases, 0);
    assertEquals(await nextPiece(reader), null);
    if (!isEarly) {
      assertEquals(releases, 0);
      body.release();
    }
    assertEquals(releases > 0, true);
  }
});
