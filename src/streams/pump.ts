import { closeQuietly } from "./close_quietly.ts";

const PIECE_BYTES = 64 * 1024;

/**
 * Copies bytes from one connection to another until one of them ends, then closes both. Calls `watch` with
 * the bytes before it sends them. Never throws.
 */
export async function pump(
  from: Deno.Conn,
  to: Deno.Conn,
  watch: (bytes: Uint8Array) => void = () => {},
): Promise<void> {
  const buffer = new Uint8Array(PIECE_BYTES);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      watch(buffer.subarray(0, count));
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } catch {
    // One connection was closed or failed. The other one is closed below, so that its peer notices.
  }
  for (const connection of [from, to]) closeQuietly(connection);
}
