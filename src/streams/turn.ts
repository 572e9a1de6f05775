/**
 * Gives other connections their turn. Reads and writes that are ready at once complete within one turn of the
 * event loop, so a fast connection would block all others for as long as it has data.
 */

import { setImmediate } from "node:timers";

/**
 * The bytes that one connection may read and write within a turn. They are less than a millisecond of work.
 */
const BYTES_IN_TURN = 256 * 1024;
/** The bytes that each read or write counts in addition to its own bytes. */
const OPERATION_BYTES = 16 * 1024;
/**
 * After this time of uninterrupted work of one connection, in milliseconds, the process sleeps for a moment.
 */
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

let turnNumber = 0;
let isTurnEndAwaited = false;

/**
 * The number of the present turn of the event loop. Only turns in which this function was called count, so
 * two equal numbers mean that no turn has ended in between.
 */
function presentTurn(): number {
  if (!isTurnEndAwaited) {
    isTurnEndAwaited = true;
    setImmediate(endTurn);
  }
  return turnNumber;
}

function endTurn(): void {
  isTurnEndAwaited = false;
  turnNumber++;
}

/**
 * Counts the reads and writes of one connection, and decides when other connections must have their turn. A
 * connection that waits for its peer is never delayed, because a turn of the event loop ends while it waits.
 * So requests that follow each other on one connection are not delayed.
 */
export class TurnCount {
  #left = BYTES_IN_TURN;
  /** The number of the turn in which the connection last counted or continued. */
  #turn = -1;
  /**
   * The time since which the connection has had bytes in every turn. `undefined` if it has waited since then.
   */
  #busySince: number | undefined;

  /**
   * Counts a read or a write of `bytes`. Returns a promise to await if other connections must have their turn
   * first, and otherwise `undefined`. The promise never rejects.
   */
  count(bytes: number): Promise<void> | undefined {
    this.#left -= bytes + OPERATION_BYTES;
    return this.#left > 0 ? undefined : this.#next();
  }

  #next(): Promise<void> | undefined {
    this.#left = BYTES_IN_TURN;
    const turn = presentTurn();
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#busySince = undefined;
      return undefined;
    }
    const now = performance.now();
    this.#busySince ??= now;
    const isShort = now - this.#busySince < LONGEST_WORK_MS;
    if (!isShort) this.#busySince = undefined;
    return this.#goOnAfter(isShort ? nextTurn() : shortPause());
  }

  async #goOnAfter(others: Promise<void>): Promise<void> {
    await others;
    this.#turn = presentTurn();
  }
}
