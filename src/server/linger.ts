import type { ConnectionReader } from "../http/reader.ts";

/**
 * How many bytes of an upload the proxy still reads after an early response, so that the client can read the
 * response.
 */
const LINGER_BYTES = 1024 * 1024;
const LINGER_MS = 1_000;

/**
 * Ends the sending side of a connection, and continues to read before it is closed. The system resets a
 * connection that is closed with unread bytes, and the client would then lose the response. `close` closes
 * the connection of a client that sends for too long.
 */
export async function linger(
  connection: Pick<Deno.Conn, "closeWrite">,
  { reader, close }: { readonly reader: ConnectionReader; readonly close: () => void },
): Promise<void> {
  const timer = setTimeout(close, LINGER_MS);
  try {
    await connection.closeWrite();
    const limit = reader.received + LINGER_BYTES;
    while (reader.received < limit && !reader.isOver) {
      await reader.readable();
      reader.consume(reader.available);
    }
  } finally {
    clearTimeout(timer);
  }
}
