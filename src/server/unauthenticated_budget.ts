/** Limits the memory of all unauthenticated connections together. */

import { connectionToClose } from "./connection_to_close.ts";
import type { ServedConnection } from "./served_connection.ts";

/**
 * The limit in bytes. It is enough for the heads of thousands of requests, which have up to a few kilobytes.
 */
export const MAX_UNAUTHENTICATED_BYTES: number = 32 * 1024 * 1024;
/**
 * Up to this size, a buffer is not counted. Every connection has one, and the number of connections is
 * limited.
 */
const FREE_BYTES = 4 * 1024;

/**
 * Counts the memory of connections that have shown no valid token. Above the limit, the budget closes
 * connections, in the order of {@link connectionToClose}.
 */
export class UnauthenticatedBudget {
  readonly #held = new Map<ServedConnection, number>();
  readonly #maxBytes: number;
  readonly #now: () => number;
  #total = 0;

  constructor({ maxBytes = MAX_UNAUTHENTICATED_BYTES, now }: { maxBytes?: number; now: () => number }) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** Sets the bytes that a connection holds. May close this connection or others. */
  setHeld(connection: ServedConnection, bytes: number): void {
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

  /** Stops counting a connection, after it has ended or was authenticated. */
  release(connection: ServedConnection): void {
    const bytes = this.#held.get(connection);
    if (bytes === undefined) return;
    this.#held.delete(connection);
    this.#total -= bytes;
  }
}
