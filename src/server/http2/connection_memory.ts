import type { HeldShare } from "../../capacity/held_bytes.ts";
import type { ConnectionParts } from "../connection.ts";
import type { ServedConnection } from "../served_connection.ts";

/**
 * The most unread response bytes of an unauthenticated client. If there are more, its connection is closed.
 */
const MAX_UNAUTHENTICATED_UNREAD_BYTES = 512 * 1024;
/** The most unread bytes of several responses together. If there are more, the connection is closed. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** The memory of a running request in bytes, without its head and its bodies. */
const REQUEST_BYTES = 16 * 1024;
/** The change in bytes after which the memory is counted again. */
const COUNT_STEP_BYTES = 64 * 1024;

/** The parts of a connection that a {@link ConnectionMemory} uses. */
export interface ConnectionMemoryParts extends Pick<ConnectionParts, "unauthenticatedBudget" | "heldBytes"> {
  readonly connection: ServedConnection;
  /** The number of running requests. */
  readonly requests: () => number;
  /** The bytes of the buffers for reading that exceed the buffer of every connection. */
  readonly bufferBytes: () => number;
}

/** Counts the memory of an HTTP/2 connection, and closes the connection if it holds too much. */
export class ConnectionMemory {
  readonly #parts: ConnectionMemoryParts;
  /** The response bytes in memory that the client has not read. */
  #unread = 0;
  /** The bytes of request bodies that no reader has taken. */
  #untaken = 0;
  /** The memory of the heads of running requests. */
  #heads = 0;
  /** The sum of the numbers above at the last count. */
  #counted = 0;
  #share: HeldShare | undefined;
  #isReleased = false;

  constructor(parts: ConnectionMemoryParts) {
    this.#parts = parts;
  }

  /**
   * Adds the bytes of a head when its request begins. Subtracts them, as a negative number, when the request
   * ends.
   */
  addHead(bytes: number): void {
    this.#heads += bytes;
    this.count();
  }

  /** Changes the number of unread response bytes by a positive or negative number. */
  addUnread(bytes: number): void {
    this.#unread += bytes;
    this.#countChange();
  }

  /**
   * Changes the number of bytes of request bodies that no reader has taken, by a positive or negative number.
   */
  addUntaken(bytes: number): void {
    this.#untaken += bytes;
    this.#countChange();
  }

  /**
   * From now on, the memory counts for the holder, and no longer for the budget of unauthenticated clients.
   */
  countFor(holder: string): void {
    this.#parts.unauthenticatedBudget?.release(this.#parts.connection);
    this.#share = this.#parts.heldBytes?.share(holder, { mayBeSlow: true });
    this.count();
  }

  /** Counts the memory again. Call it after the number of requests or the buffers have changed. */
  count(): void {
    if (this.#isReleased) return;
    const { connection, unauthenticatedBudget, requests, bufferBytes } = this.#parts;
    this.#counted = this.#sum;
    const running = requests();
    const bytes = running * REQUEST_BYTES + this.#counted + bufferBytes();
    if (!connection.isAuthenticated) {
      unauthenticatedBudget?.setHeld(connection, bytes);
      if (this.#unread > MAX_UNAUTHENTICATED_UNREAD_BYTES) connection.close();
    } else {
      const isTooMuch = this.#unread > MAX_UNREAD_BYTES && running > 1;
      if (isTooMuch || this.#share?.tryHold(bytes) === false) connection.close();
    }
  }

  /** Stops counting, because the connection has ended. */
  release(): void {
    this.#isReleased = true;
    this.#share?.release();
    this.#parts.unauthenticatedBudget?.release(this.#parts.connection);
  }

  #countChange(): void {
    if (Math.abs(this.#sum - this.#counted) >= COUNT_STEP_BYTES) this.count();
  }

  get #sum(): number {
    return this.#heads + this.#unread + this.#untaken;
  }
}
