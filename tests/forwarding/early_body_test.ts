import { assertEquals, assertThrows } from "@std/assert";
import { EarlyBody } from "../../src/forwarding/early_body.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { bodyOf } from "../../src/streams/bytes.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const COMMENT = ": keepalive\n\n";

interface Bench {
  readonly clock: FakeClock;
  readonly body: EarlyBody;
  readonly give: (source: MessageBody) => void;
  readonly fail: (error: Error) => void;
  readonly cancels: () => number;
}

function bench(): Bench {
  const clock = new FakeClock();
  const { promise, resolve, reject } = Promise.withResolvers<MessageBody>();
  let cancels = 0;
  const body = new EarlyBody(promise, { silenceMs: 20_000, clock, onCancel: () => cancels++ });
  return { clock, body, give: resolve, fail: reject, cancels: () => cancels };
}

function textOf(body: EarlyBody): string | null | undefined {
  const piece = body.tryRead();
  return piece instanceof Uint8Array ? new TextDecoder().decode(piece) : piece;
}

Deno.test("EarlyBody: a comment at once, one after each silence, and then the source", async () => {
  const { clock, body, give } = bench();
  assertEquals([textOf(body), textOf(body)], [COMMENT, undefined]);
  for (let round = 0; round < 2; round++) {
    const readable = body.readable();
    clock.pass(19_999);
    assertEquals(textOf(body), undefined);
    clock.pass(1);
    await readable;
    assertEquals([textOf(body), textOf(body)], [COMMENT, undefined]);
  }
  const readable = body.readable();
  give(bodyOf(new TextEncoder().encode("data: 1\n\n")));
  await readable;
  assertEquals([textOf(body), textOf(body)], ["data: 1\n\n", null]);
  assertEquals(clock.pending, 0);
});

Deno.test("EarlyBody: a reader that leaves cancels once, and the source that comes later too", async () => {
  const { clock, body, give, cancels } = bench();
  textOf(body);
  const readable = body.readable();
  body.cancel();
  body.cancel();
  await readable;
  assertEquals([textOf(body), cancels(), clock.pending], [null, 1, 0]);
  let isCancelled = false;
  give({ ...bodyOf(new Uint8Array()), length: 0, cancel: () => isCancelled = true });
  await Promise.resolve();
  assertEquals([isCancelled, cancels()], [true, 1]);
});

Deno.test("EarlyBody: a reader that leaves within the source cancels only the source", async () => {
  const { body, give, cancels } = bench();
  textOf(body);
  let isCancelled = false;
  give({
    length: undefined,
    tryRead: () => undefined,
    readable: async () => {},
    cancel: () => isCancelled = true,
  });
  await body.readable();
  body.cancel();
  assertEquals([isCancelled, cancels()], [true, 0]);
});

Deno.test("EarlyBody: without a source it breaks off", async () => {
  const { body, fail } = bench();
  textOf(body);
  const readable = body.readable();
  fail(new TypeError("no source"));
  await readable;
  assertThrows(() => textOf(body), TypeError, "no source");
});
