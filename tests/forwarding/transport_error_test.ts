import { assertEquals } from "@std/assert";
import { TransportError } from "../../src/forwarding/transport/transport.ts";

const FACTS = { phase: "connect", sent: false, received: false, reused: false, elapsedMs: 0 } as const;

Deno.test("TransportError: quoted text of an upstream or an outbound proxy is escaped and short", () => {
  const { message } = new TransportError("it answered 500 \x1b[31mred\u202e", FACTS);
  assertEquals(message, "it answered 500 \\x1b[31mred\\u202e");
  assertEquals(new TransportError("x".repeat(10_000), FACTS).message.length < 1_000, true);
});
