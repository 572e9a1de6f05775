/**
 * Gives other connections their turn. Reads and writes that are ready at once complete within one turn of the
 * event loop, so a fast connection would block all others for as long as it has data.
 */

import { setImmediate } from "node:timers";

/** What one connection may read and write within a turn: less than a millisecond of work. */
const BYTES_IN_TURN = 256 * 1024;
/** What each read or write counts in addition to its bytes. */
const OPERATION_BYTES = 16 * 1024;
/**
 * A connection that takes longer for {@link BYTES_IN_TURN} waits for its peer in between, or its bytes are
 * much work. The count cannot tell which, so the process polls the system then too.
 */
const BUSY_MS = 25;
/** The work of one connection, in milliseconds, after which the process sleeps for a moment. */
const LONGEST_WORK_MS = 16;

/**
 * Resolves in the next turn of the event loop. Timers and operations that are known to be ready run first.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Calls a function in the next turn of the event loop. */
export function inNextTurn(then: () => void): void {
  setImmediate(then);
}

/**
 * Resolves a millisecond later, after the process has polled the system for ready connections. While turns
 * follow each other without a pause, the runtime polls only every 61 turns (tokio's `event_interval`).
 */
export function shortPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Counts the reads and writes of one connection, and says when other connections must have their turn. */
export class TurnCount {
  #left = BYTES_IN_TURN;
  #countedAt = -Infinity;
  #busySince = 0;

  /**
   * Counts a read or a write. Returns a promise to await if other connections must have their turn first, or
   * `undefined`. The promise never rejects.
   */
  count(bytes: number): Promise<void> | undefined {
    this.#left -= bytes + OPERATION_BYTES;
    if (this.#left > 0) return undefined;
    this.#left = BYTES_IN_TURN;
    const now = performance.now();
    const isFirst = this.#countedAt === -Infinity;
    const isBusy = now - this.#countedAt < BUSY_MS;
    this.#countedAt = now;
    if (isFirst) {
      this.#busySince = now;
      return undefined;
    }
    if (isBusy && now - this.#busySince < LONGEST_WORK_MS) return nextTurn();
    this.#busySince = now;
    return shortPause();
  }
}
