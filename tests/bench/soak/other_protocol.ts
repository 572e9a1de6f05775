/** Clients that negotiate HTTP/2 and then speak HTTP/1.1: they get no answer, and leave nothing behind. */

import { concat } from "../../../src/streams/bytes.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";
import type { Ledger } from "./ledger.ts";

const CA = pem("ca.pem");
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/**
 * One such client, with a token that is valid: it asks for an answer or for a WebSocket, and waits for the
 * end.
 */
export async function speakOtherProtocol(
  url: string,
  { token, ledger, below }: { token: string; ledger: Ledger; below: (limit: number) => number },
): Promise<void> {
  const { port } = new URL(url);
  using connection = await Deno.connectTls({
    hostname: "localhost",
    port: Number(port),
    caCerts: [CA],
    alpnProtocols: ["h2"],
  });
  const wants = below(2) === 0
    ? `POST /openai/plain-0/v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n`
    : `GET /openai/realtime-0/v1/realtime?model=gpt-realtime HTTP/1.1\r\n${UPGRADE}`;
  const head = `${wants}Host: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n{}`;
  // The proxy may end the connection before it has read all.
  await connection.write(new TextEncoder().encode(head)).catch(() => 0);
  const answer = new TextDecoder().decode(await untilEnd(connection));
  if (answer.includes("HTTP/1.1 ")) {
    ledger.problem(`HTTP/1.1 on a connection that negotiated HTTP/2 was answered: ${answer.slice(0, 80)}`);
  }
  ledger.count("HTTP/1.1 on a connection that negotiated HTTP/2: no answer");
}

/** All that comes; a reset is an end too. */
async function untilEnd(connection: Deno.Conn): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(4_096);
  for (let count; (count = await connection.read(buffer).catch(() => null)) !== null;) {
    pieces.push(buffer.slice(0, count));
  }
  return concat(pieces);
}
