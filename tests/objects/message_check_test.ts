import { assertEquals, assertRejects } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import type { CheckReferences } from "../../src/objects/body_references.ts";
import { MessageCheck } from "../../src/objects/message_check.ts";
import { frame, TEXT } from "../support/clients/websocket.ts";

const REFERRING = `{"previous_response_id":"resp_68a1b2c3d4e5f60718293a4b5c6d7e8f"}`;

/** What the check says of a frame: the code and the reason of the close frame, and the fault. */
async function verdict(
  bytes: Uint8Array,
  check: CheckReferences = () => Promise.resolve(),
): Promise<unknown> {
  const messages = new MessageCheck(100, { check, isReferring: () => true });
  const rejection = await messages.next(bytes);
  return rejection && [rejection.close.code, rejection.close.reason, rejection.fault.code];
}

Deno.test("MessageCheck: the close code and the fault say why a message is rejected", async () => {
  const foreign = () => Promise.reject(new ProxyFault("not_found", "no such object"));
  const long = frame(TEXT, "x".repeat(101), { isMasked: true });
  assertEquals(await verdict(long), [1009, "a message longer than 100 bytes", "payload_too_large"]);
  const compressed = frame(TEXT, "x", { isMasked: true, reserved: 4 });
  assertEquals(await verdict(compressed), [1002, "a compressed message", "bad_request"]);
  const reserved = frame(3, "x", { isMasked: true });
  assertEquals(await verdict(reserved), [1002, "a frame with the reserved opcode 3", "bad_request"]);
  assertEquals(await verdict(frame(TEXT, REFERRING, { isMasked: true }), foreign), [
    1008,
    "a message names an object that does not exist",
    "not_found",
  ]);
  assertEquals(await verdict(frame(TEXT, "{}", { isMasked: true })), undefined);
});

Deno.test("MessageCheck: an error that is no fault is thrown", async () => {
  const fails = () => Promise.reject(new TypeError("a bug"));
  await assertRejects(() => verdict(frame(TEXT, REFERRING, { isMasked: true }), fails), TypeError);
});
