import { assertEquals, assertRejects } from "@std/assert";
import { ReplayableBody } from "../../src/forwarding/replayable_body.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { nextTurn } from "../support/passing_time.ts";

/** A source whose pieces a test sends; they come when it is asked. */
function slowSource(): { source: MessageBody; send: (piece: string | null) => void } {
  const pieces: (Uint8Array | null)[] = [];
  let wake = Promise.withResolvers<void>();
  const tryRead = () => pieces.shift();
  return {
    source: {
      length: undefined,
      tryRead,
      read: async () => {
        while (pieces.length === 0) await wake.promise;
        wake = Promise.withResolvers();
        return tryRead() ?? null;
      },
      cancel() {},
    },
    send(piece) {
      pieces.push(piece === null ? null : new TextEncoder().encode(piece));
      wake.resolve();
    },
  };
}

async function textOf(body: MessageBody): Promise<string> {
  let text = "";
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

for (const maxBytes of [100, 10]) {
  Deno.test(`ReplayableBody: an attempt that was given up takes nothing from the next, bound ${maxBytes}`, async () => {
    const { source, send } = slowSource();
    const body = new ReplayableBody(source, maxBytes);
    const first = body.attempt();
    send("12345");
    assertEquals(new TextDecoder().decode(await first.read() ?? undefined), "12345");
    const stillWaiting = first.read();
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

Deno.test("ReplayableBody: released in the middle, the rest still comes, and nothing is kept", async () => {
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

Deno.test("ReplayableBody: what was read ahead is what attempts get", async () => {
  const { source, send } = slowSource();
  const body = new ReplayableBody(source, 100);
  body.readAhead();
  send("one");
  send("two");
  send(null);
  await nextTurn();
  assertEquals([await textOf(body.attempt()), await textOf(body.attempt())], ["onetwo", "onetwo"]);
});

Deno.test("ReplayableBody: what there is no room for is sent and forgotten, and the rest of it as well", async () => {
  const { source, send } = slowSource();
  const asked: number[] = [];
  const body = new ReplayableBody(source, 1_000, {
    mayHold: (bytes) => asked.push(bytes) < 2,
    release() {},
    droppedBy() {},
  });
  const attempt = body.attempt();
  const pieces: [string, boolean][] = [];
  for (const text of ["one", "two", "three"]) {
    send(text);
    pieces.push([new TextDecoder().decode(await attempt.read() ?? undefined), body.replayable]);
  }
  send(null);
  assertEquals(await attempt.read(), null);
  assertEquals(pieces, [["one", true], ["two", false], ["three", false]]);
  assertEquals(asked, [3, 6]);
  await assertRejects(() => body.attempt().read(), Error, "forgotten");
});

Deno.test("ReplayableBody: its memory is released when the last attempt has sent it, and not before", async () => {
  for (const isEarly of [false, true]) {
    const { source, send } = slowSource();
    let releases = 0;
    const memory = { mayHold: () => true, release: () => void releases++, droppedBy() {} };
    const body = new ReplayableBody(source, 100, memory);
    send("one");
    send(null);
    const reader = body.attempt();
    await reader.read();
    if (isEarly) body.release();
    assertEquals(releases, 0);
    assertEquals(await reader.read(), null);
    if (!isEarly) {
      assertEquals(releases, 0);
      body.release();
    }
    assertEquals(releases > 0, true);
  }
});
