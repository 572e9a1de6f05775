import { nextPiece } from "../../src/streams/byte_source.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { ClientGone } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import { StreamBody } from "../../src/server/http2/stream_body.ts";

/** A body that arrives in these pieces and then ends, and the error of `onBroken`. */
function bodyOf(
  texts: readonly string[],
  { length, mayBeReset = false, abort = new AbortController() }: {
    length?: number;
    mayBeReset?: boolean;
    abort?: AbortController;
  } = {},
): { body: StreamBody; broken: (ClientGone | ProxyFault)[] } {
  const broken: (ClientGone | ProxyFault)[] = [];
  const body = new StreamBody(ReadableStream.from(texts.map((text) => new TextEncoder().encode(text))), {
    length,
    signal: abort.signal,
    mayBeReset: () => mayBeReset,
    now: () => 0,
    onBroken: (error) => broken.push(error),
  });
  return { body, broken };
}

async function textOf(body: StreamBody): Promise<string> {
  let text = "";
  for (let piece = await nextPiece(body); piece !== null; piece = await nextPiece(body)) {
    assertEquals(piece.length > 0, true, "an empty piece says nothing");
    text += new TextDecoder().decode(piece);
  }
  return text;
}

Deno.test("StreamBody: a body with the stated length or without one is complete, without empty pieces", async () => {
  for (const length of [5, undefined]) {
    const { body, broken } = bodyOf(["he", "", "llo", ""], length === undefined ? {} : { length });
    assertEquals([await textOf(body), broken], ["hello", []]);
  }
});

Deno.test("StreamBody: a body that does not have the stated length fails, and ends the exchange", async () => {
  for (const texts of [["hell"], [], ["hello", "!"], ["hello!"]]) {
    const { body, broken } = bodyOf(texts, { length: 5 });
    const error = await assertRejects(() => textOf(body), ProxyFault);
    assertEquals([error.code, broken], ["bad_request", [error]], JSON.stringify(texts));
  }
});

Deno.test("StreamBody: an end by a reset is a departure of the client, also if the abort signal comes later", async () => {
  const aborted = new AbortController();
  aborted.abort();
  const reset = bodyOf(["he"], { abort: aborted });
  await assertRejects(() => textOf(reset.body), ClientGone);
  assertEquals(reset.broken.map((error) => error instanceof ClientGone), [true]);

  const later = new AbortController();
  const { body } = bodyOf(["he"], { mayBeReset: true, abort: later });
  const text = textOf(body);
  setTimeout(() => later.abort());
  await assertRejects(() => text, ClientGone);
});

Deno.test("StreamBody: the first byte shows whether there is a body", async () => {
  assertEquals(await bodyOf(["", ""]).body.hasContent(), false);
  const { body } = bodyOf(["", "hello"]);
  assertEquals([await body.hasContent(), await textOf(body)], [true, "hello"]);
});
