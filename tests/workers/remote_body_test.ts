import { assertEquals, assertRejects } from "@std/assert";
import { nextPiece } from "../../src/streams/byte_source.ts";
import { RemoteBody } from "../../src/workers/remote_body.ts";

Deno.test("RemoteBody: it pulls each piece when the reader wants it, and ends", async () => {
  const pieces = [new Uint8Array([1]), new Uint8Array([2, 3]), null];
  let pulls = 0;
  const body = new RemoteBody({
    length: 3,
    pull: () => Promise.resolve(pieces[pulls++] ?? null),
    cancel() {},
  });
  assertEquals([body.length, body.tryRead(), pulls], [3, undefined, 0]);
  assertEquals(await nextPiece(body), new Uint8Array([1]));
  assertEquals([body.tryRead(), pulls], [undefined, 1]);
  assertEquals(await nextPiece(body), new Uint8Array([2, 3]));
  assertEquals([await nextPiece(body), body.tryRead(), pulls], [null, null, 3]);
});

Deno.test("RemoteBody: a reader that wants no more ends it once, and not after its end", async () => {
  let cancels = 0;
  const bodyOf = (pull: () => Promise<Uint8Array | null>) =>
    new RemoteBody({ length: undefined, pull, cancel: () => void cancels++ });
  const open = bodyOf(() => Promise.resolve(new Uint8Array(1)));
  open.cancel();
  open.cancel();
  assertEquals(cancels, 1);
  const ended = bodyOf(() => Promise.resolve(null));
  await nextPiece(ended);
  ended.cancel();
  assertEquals(cancels, 1);
});

Deno.test("RemoteBody: it breaks off if the other thread ends", async () => {
  const body = new RemoteBody({
    length: undefined,
    pull: () => Promise.reject(new Error("the thread has ended")),
    cancel() {},
  });
  await assertRejects(() => nextPiece(body), Error, "the thread has ended");
});
