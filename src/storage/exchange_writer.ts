/**
 * Queues exchanges and writes them to the store in batches. While the store fails, they wait in the queue.
 */

import type { Clock } from "../time/clock.ts";
import { messageOf } from "../text/error_text.ts";
import { type ExchangeRow, type Store, StoreError } from "./store.ts";

/** How long an exchange waits for others of its batch. */
const BATCH_DELAY_MS = 250;
/** The time until a retry, after the store failed. */
const RETRY_MS = 1_000;
/** The length of the queue. Further exchanges are dropped. */
const MAX_QUEUED = 10_000;
/**
 * The most exchanges of a batch. A full batch is written at once. A write of so many locks the database for other
 * programs for three milliseconds. A larger batch costs less for each row.
 */
const MAX_BATCH = 500;

/** The callbacks of {@link ExchangeWriter}. */
export interface WriterEvents {
  /** The store began to fail, with the reason, or it works again. */
  readonly onHealth: (health: "ok" | "failing", reason: string | undefined) => void;
  /** Called for each exchange that is lost, with the reason in words. */
  readonly onDropped: (reason: string) => void;
}

/** What a write left to do. */
interface WriteResult {
  /** The exchanges that a retry can write. */
  readonly left: readonly ExchangeRow[];
  /** Why the store is failing; `undefined` if it works. */
  readonly failure: string | undefined;
}

/** The queue of exchanges in front of the store. */
export class ExchangeWriter {
  readonly #store: Pick<Store, "addExchanges">;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  #queue: ExchangeRow[] = [];
  #stopTimer: (() => void) | undefined;
  /** The end of the last write. Writes follow one another. */
  #writing: Promise<void> = Promise.resolve();
  #health: "ok" | "failing" = "ok";

  constructor(store: Pick<Store, "addExchanges">, { clock, events }: { clock: Clock; events: WriterEvents }) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** Whether the last batch was written without an error that needs a retry or a fix of the program. */
  get health(): "ok" | "failing" {
    return this.#health;
  }

  /** Queues an exchange for the next write. It is dropped if the queue is full. */
  add(row: ExchangeRow): void {
    if (this.#queue.length >= MAX_QUEUED) return this.#events.onDropped("the queue is full");
    this.#queue.push(row);
    // While the store fails, only the timer retries.
    if (this.#queue.length === MAX_BATCH && this.#health === "ok") this.flush();
    else this.#schedule(BATCH_DELAY_MS);
  }

  /**
   * Writes the queue. Resolves also if the store fails: the exchanges then stay in the queue, or are dropped if
   * a retry cannot write them.
   */
  async flush(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** Writes the queue for the last time. Exchanges that the store does not take are dropped. */
  async close(): Promise<void> {
    await this.flush();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const _ of this.#queue.splice(0)) this.#events.onDropped("the program ends");
  }

  #schedule(delayMs: number): void {
    this.#stopTimer ??= this.#clock.after(delayMs, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      // Removed before the await, so that no other call writes the same exchanges.
      const batch = this.#queue.splice(0, MAX_BATCH);
      const { left, failure } = await this.#writeBatch(batch);
      this.#setHealth(failure === undefined ? "ok" : "failing", failure);
      if (left.length === 0) continue;
      this.#queue.unshift(...left);
      return this.#schedule(RETRY_MS);
    }
  }

  /**
   * Writes a batch. If the store rejects it, writes the exchanges one by one, and drops those that cause the
   * error, so that they do not block the others. An error that is not a `StoreError` is a bug of the program:
   * it does the same, and shows in the health.
   */
  async #writeBatch(batch: readonly ExchangeRow[]): Promise<WriteResult> {
    let reason: string;
    let failure: string | undefined;
    try {
      await this.#store.addExchanges(batch);
      return { left: [], failure: undefined };
    } catch (error) {
      reason = messageOf(error);
      const isStore = error instanceof StoreError;
      if (isStore && error.kind !== "failed") return { left: batch, failure: reason };
      if (!isStore) failure = `unexpected: ${reason}`;
    }
    if (batch.length === 1) {
      this.#events.onDropped(reason);
      return { left: [], failure };
    }
    for (const [index, row] of batch.entries()) {
      const one = await this.#writeBatch([row]);
      if (one.left.length > 0) return { left: batch.slice(index), failure: one.failure };
      failure ??= one.failure;
    }
    return { left: [], failure };
  }

  #setHealth(health: "ok" | "failing", reason: string | undefined): void {
    if (health === this.#health) return;
    this.#health = health;
    this.#events.onHealth(health, reason);
  }
}
