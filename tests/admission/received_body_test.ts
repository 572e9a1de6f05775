import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Cancellation, ClientGone } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { receivedBody } from "../../src/admission/received_body.ts";
import { textSource } from "../support/proxies/handler.ts";

Deno.test("receivedBody: a length beyond the limit is refused before a byte is read", async () => {
  let reads = 0;
  const body: MessageBody = {
    length: 101,
    tryRead: () => void reads++,
    readable: () => Promise.resolve(),
    cancel() {},
  };
  const request = { body, cancellation: new Cancellation() };
  const { code } = await assertRejects(() => receivedBody(request, 100), ProxyFault);
  assertEquals([code, reads], ["payload_too_large", 0]);
  assertEquals(await receivedBody(request, undefined), body);
});

Deno.test("receivedBody: one without a length ends its exchange where it grows beyond the limit", async () => {
  for (const [length, isTooLong] of [[100, false], [101, true]] as const) {
    const request = { body: textSource("x".repeat(length)), cancellation: new Cancellation() };
    const body = await receivedBody(request, 100);
    if (!isTooLong) {
      assertEquals(body?.tryRead()?.length, 100);
      continue;
    }
    const { code } = assertThrows(() => body?.tryRead(), ProxyFault);
    assertEquals([code, request.cancellation.reason instanceof ProxyFault], ["payload_too_large", true]);
  }
});

Deno.test("receivedBody: a body that breaks off before it is known to be one is no request without a body", async () => {
  const cancellation = new Cancellation();
  const knownBody = () => {
    cancellation.cancel(new ClientGone("the client left"));
    return Promise.reject(new Error("reset"));
  };
  await assertRejects(() => receivedBody({ body: null, knownBody, cancellation }, 100), ClientGone);
  const failing = () => Promise.reject(new TypeError("broken"));
  const other = { body: null, knownBody: failing, cancellation: new Cancellation() };
  await assertRejects(() => receivedBody(other, 100), TypeError);
});
