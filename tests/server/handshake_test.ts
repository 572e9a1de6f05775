import { assertEquals } from "@std/assert";
import { Handshake, HTTP2_PREFACE } from "../../src/server/handshake.ts";

/**
 * A TLS connection whose handshake ends with this protocol (undefined: never), and that then sends these
 * bytes.
 */
function tlsConnection(
  alpnProtocol: string | null | undefined,
  bytes: Uint8Array = new Uint8Array(),
): { connection: Deno.TlsConn; closed: () => number } {
  let at = 0;
  let closed = 0;
  const { promise: never, reject } = Promise.withResolvers<never>();
  never.catch(() => {});
  const parts = {
    handshake: () => alpnProtocol === undefined ? never : Promise.resolve({ alpnProtocol }),
    read(into: Uint8Array) {
      if (at === bytes.length) return never;
      into[0] = bytes[at++] ?? 0;
      return Promise.resolve(1);
    },
    close() {
      closed++;
      reject(new Error("closed"));
    },
  };
  return { connection: parts as unknown as Deno.TlsConn, closed: () => closed }; // nothing else of it is touched
}

for (
  const [what, protocol, bytes] of [
    ["a handshake", undefined, new Uint8Array()],
    ["a preface", "h2", HTTP2_PREFACE.subarray(0, 10)],
  ] as const
) {
  Deno.test(`Handshake: ${what} that takes too long closes the connection`, async () => {
    let now = 0;
    const { connection, closed } = tlsConnection(protocol, bytes);
    const handshake = new Handshake(connection, { limitMs: () => 1_000, now: () => now, onNotTls() {} });
    const outcome = handshake.protocol();
    now = 1_000;
    handshake.endOverdue();
    assertEquals([handshake.isClosed, closed()], [false, 0]);
    now = 1_001;
    handshake.endOverdue();
    assertEquals([handshake.isClosed, closed() > 0, await outcome], [true, true, undefined]);
  });
}

Deno.test("Handshake: an HTTP/2 client has to send the preface, and the first wrong byte closes the connection", async () => {
  const outcome = async (protocol: string | null, bytes: Uint8Array) => {
    const { connection, closed } = tlsConnection(protocol, bytes);
    const handshake = new Handshake(connection, { limitMs: () => 1_000, now: () => 0, onNotTls() {} });
    return [await handshake.protocol(), closed() > 0];
  };
  assertEquals(await outcome("h2", HTTP2_PREFACE), ["h2", false]);
  for (const at of [0, 3, 14, HTTP2_PREFACE.length - 1]) {
    const wrong = HTTP2_PREFACE.slice(0, at + 1);
    wrong[at] = 0x58;
    assertEquals(await outcome("h2", wrong), [undefined, true], String(at));
  }
  for (const protocol of ["http/1.1", null]) {
    assertEquals(await outcome(protocol, new Uint8Array()), ["http/1.1", false]);
  }
});
