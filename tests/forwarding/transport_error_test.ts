import { assertEquals, assertInstanceOf } from "@std/assert";
import { UpstreamConnection } from "../../src/forwarding/transport/connection.ts";
import { TransportError } from "../../src/forwarding/transport/transport.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { fakeConnection, upstreamRequest } from "../support/upstreams/upstream_exchange.ts";

const FACTS = { phase: "connect", sent: false, received: false, reused: false, elapsedMs: 0 } as const;

Deno.test("TransportError: quoted text of an upstream or an outbound proxy is escaped and short", () => {
  const { message } = new TransportError("it answered 500 \x1b[31mred\u202e", FACTS);
  assertEquals(message, "it answered 500 \\x1b[31mred\\u202e");
  assertEquals(new TransportError("x".repeat(10_000), FACTS).message.length < 1_000, true);
});

Deno.test("TransportError: the facts of a rejected WebSocket handshake are those of its connection", async () => {
  const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
  const SWITCH = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
  for (const before of ["", OK]) {
    const bytes = latin1(before + SWITCH);
    let closed = 0;
    const connection = new UpstreamConnection(
      fakeConnection(inputOf(bytes, before.length || bytes.length, "silence")),
      {
        host: "upstream.test",
        onIdle() {},
        onClose: () => closed++,
      },
    );
    if (before !== "") {
      assertEquals((await connection.exchange(upstreamRequest(), null)).body?.tryRead(), null);
    }
    const request = upstreamRequest({ upgrade: true, acceptsUpgrade: () => false });
    const error = await connection.exchange(request, null).catch((error: unknown) => error);
    assertInstanceOf(error, TransportError);
    const { elapsedMs, ...facts } = error.facts;
    assertEquals(facts, { phase: "first byte", sent: true, received: true, reused: before !== "" });
    assertEquals([elapsedMs > 0, closed], [true, 1]);
  }
});
