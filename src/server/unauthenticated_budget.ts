/** Bounds what all clients without a token together hold in memory: unfinished heads, and what they sent ahead. */

import { connectionToClose } from "./make_room.ts";
import type { ServedConnection } from "./served_connection.ts";

/** Five hundred heads of the longest that are usual: agents' clients send up to a few kilobytes. */
export const MAX_STRANGERS_BYTES: number = 32 * 1024 * 1024;
/** Every connection has as much, and their number is bounded. */
const FREE_BYTES = 4 * 1024;

/**
 * Counts the buffers of connections that have shown no valid token. Where they are too much together one is closed, by
 * the order in which connections make room: a client that is within its head for the longest time.
 */
export class StrangerBudget {
  readonly #held = new Map<ServedConnection, number>();
  readonly #maxBytes: number;
  readonly #now: () => number;
  #total = 0;

  constructor({ maxBytes = MAX_STRANGERS_BYTES, now }: { maxBytes?: number; now: () => number }) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** A connection has a buffer of that size; it may be closed for that. */
  holds(connection: ServedConnection, bytes: number): void {
    if (connection.isAuthenticated || bytes <= FREE_BYTES) return this.release(connection);
    this.#total += bytes - (this.#held.get(connection) ?? 0);
    this.#held.set(connection, bytes);
    while (this.#total > this.#maxBytes) {
      const closed = connectionToClose(this.#held.keys(), this.#now());
      if (closed === undefined) return;
      this.release(closed);
      closed.close();
    }
  }

  /** It has ended, or is known. */
  release(connection: ServedConnection): void {
    const bytes = this.#held.get(connection);
    if (bytes === undefined) return;
    this.#held.delete(connection);
    this.#total -= bytes;
  }
}
