/**
 * Gives way to other connections. Reads and writes that are ready at once are done within one turn of the event loop,
 * where a fast connection would keep all others waiting for as long as it has something to carry.
 */

import { setImmediate } from "node:timers";

/** So much is carried within one turn: less than a millisecond of work. */
const BYTES_IN_TURN = 256 * 1024;
/** What a read or a write counts in addition to its bytes. */
const OPERATION_BYTES = 16 * 1024;
/** Who takes longer for {@link BYTES_IN_TURN} waits for its own bytes in between, and gives way by that. */
const BUSY_MS = 25;
/** After so much work the process sleeps for a moment. */
const LONGEST_WORK_MS = 16;

/** Settles in the next turn: timers and what is known to be ready come before. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/**
 * Settles after the process has asked the system what is ready, a millisecond later. As long as turns follow each other
 * without a pause, the runtime asks only every 61 turns (tokio's `event_interval`).
 */
export function shortPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Counts what one connection does. */
export class TurnCount {
  #left = BYTES_IN_TURN;
  #countedAt = -Infinity;
  #busySince = 0;

  /**
   * Counts a read or a write that has begun, and settles as it does, later where others are to go first. It is the only
   * one that holds `operation`: a failure that came while nobody waited for it would end the process.
   */
  after<Result>(operation: Promise<Result>, bytes: number): Promise<Result> {
    const others = this.count(bytes);
    return others === undefined ? operation : inTurn(operation, others);
  }

  /** Counts a read or a write that is over. A promise to wait for where others are to go first; undefined: go on. */
  count(bytes: number): Promise<void> | undefined {
    this.#left -= bytes + OPERATION_BYTES;
    if (this.#left > 0) return undefined;
    this.#left = BYTES_IN_TURN;
    const now = performance.now();
    const isBusy = now - this.#countedAt < BUSY_MS;
    this.#countedAt = now;
    if (!isBusy) {
      this.#busySince = now;
      return undefined;
    }
    if (now - this.#busySince < LONGEST_WORK_MS) return nextTurn();
    this.#busySince = now;
    return shortPause();
  }
}

async function inTurn<Result>(operation: Promise<Result>, others: Promise<void>): Promise<Result> {
  const result = await operation;
  await others;
  return result;
}
