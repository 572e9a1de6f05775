import { closeQuietly } from "./close_quietly.ts";

const PIECE_BYTES = 64 * 1024;

/**
 * Brings bytes from one connection to another until one of them ends, which ends both. `watch` sees them before they
 * go on. Never throws.
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
    // One of them has been closed or has failed: the other one follows, and whoever reads it sees that.
  }
  for (const connection of [from, to]) closeQuietly(connection);
}
