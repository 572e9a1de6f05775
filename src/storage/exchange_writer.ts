/**
 * Queues exchanges and writes them to the store in batches. While the store fails, they wait in the queue.
 */

import type { Clock } from "../time/clock.ts";
import { messageOf } from "../text/error_text.ts";
import { PackedExchanges } from "./packed_exchanges.ts";
import { type ExchangeRow, type Note, type Store, StoreError } from "./store.ts";

/** How long an exchange waits for others of its batch. */
const BATCH_DELAY_MS = 250;
/** The time until a retry, after the store failed. */
const RETRY_MS = 1_000;
/** The length of the queue. Further exchanges are dropped. */
const MAX_QUEUED = 10_000;
/** The memory of the queue. A usual exchange takes half a kilobyte. Further exchanges are dropped. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/**
 * The most exchanges of a batch. A full batch is written at once. A write of so many locks the database for
 * other programs for three milliseconds. A larger batch costs less for each row.
 */
const MAX_BATCH = 500;

/** The callbacks of {@link ExchangeWriter}. */
export interface WriterEvents {
  /** The store began to fail, with the reason, or it works again. */
  readonly onHealth: (health: "ok" | "failing", reason: string | undefined) => void;
  /** Called for each exchange that is lost, with the reason in words. */
  readonly onDropped: (reason: string) => void;
}

/** The pages of costs that the rows are on: see `shared_limits.ts`. */
export interface WrittenPages {
  /** A row is in the queue. */
  readonly queued: (page: number) => void;
  /** Rows will be written, by page. Returns the note that is written with them. */
  readonly note: (rows: ReadonlyMap<number, number>) => Note | undefined;
  /** Rows are written or dropped, by page. */
  readonly ended: (rows: ReadonlyMap<number, number>) => void;
}

/** What a write left to do. */
interface WriteResult {
  /** The exchanges that a retry can write. `undefined` if nothing is left. */
  readonly left: PackedExchanges | undefined;
  /** Why the store is failing; `undefined` if it works. */
  readonly failure: string | undefined;
}

/** The queue of exchanges in front of the store. */
export class ExchangeWriter {
  readonly #store: Pick<Store, "addPackedExchanges">;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  /** The batches that wait, the oldest first. Exchanges are added to the last one. */
  readonly #queue: PackedExchanges[] = [];
  /** A batch that was written, whose memory the next batch uses. */
  #spare: PackedExchanges | undefined;
  #stopTimer: (() => void) | undefined;
  /** The end of the last write. Writes follow one another. */
  #writing: Promise<void> = Promise.resolve();
  #health: "ok" | "failing" = "ok";
  /** Whether a batch of the queue is being written. */
  #isWriting = false;
  /**
   * Whether exchanges under a budget are queued beyond the length and the memory of the queue. Their requests
   * must not begin then while {@link isHalfFull}, so that only those that run already can come.
   */
  keepsBudgets = false;
  readonly #pages: WrittenPages | undefined;

  /** `pages` has the pages of costs in shared counts, if there are such counts. */
  constructor(
    store: Pick<Store, "addPackedExchanges">,
    { clock, events, pages }: { clock: Clock; events: WriterEvents; pages?: WrittenPages | undefined },
  ) {
    this.#pages = pages;
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** Whether the last batch was written without an error that needs a retry or a fix of the program. */
  get health(): "ok" | "failing" {
    return this.#health;
  }

  /** The number of exchanges that wait. */
  get length(): number {
    return this.#queued().count;
  }

  /** Whether exchanges wait for a retry, because the store failed. */
  get isBehind(): boolean {
    return this.#health === "failing" && (this.#queue.length > 0 || this.#isWriting);
  }

  /** Whether the exchanges that wait take half of the length or the memory of the queue. */
  get isHalfFull(): boolean {
    return this.#holds(0.5);
  }

  /** Queues an exchange for the next write. It is dropped if the queue is full: see {@link keepsBudgets}. */
  add(row: ExchangeRow): void {
    const page = row.booking?.page;
    if (page !== undefined) this.#pages?.queued(page);
    if (this.#holds(1) && !(this.keepsBudgets && row.booking?.hasBudget === true)) {
      if (page !== undefined) this.#pages?.ended(new Map([[page, 1]]));
      return this.#events.onDropped("the queue is full");
    }
    const batch = this.#openBatch();
    batch.add(row);
    // While the store fails, only the timer retries.
    if (batch.count === MAX_BATCH && this.#queue.length === 1 && this.#health === "ok") this.flush();
    else this.#schedule(BATCH_DELAY_MS);
  }

  /**
   * Writes the queue. Resolves also if the store fails: the exchanges then stay in the queue, or are dropped
   * if a retry cannot write them.
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
    for (let left = this.#queued().count; left > 0; left--) this.#events.onDropped("the program ends");
    this.#queue.length = 0;
  }

  /** Whether this part of the queue is in use. */
  #holds(part: number): boolean {
    const { count, bytes } = this.#queued();
    return count >= part * MAX_QUEUED || bytes >= part * MAX_QUEUED_BYTES;
  }

  /** The number of the exchanges in the queue, and their bytes. The queue has few batches. */
  #queued(): { count: number; bytes: number } {
    let [count, bytes] = [0, 0];
    for (const batch of this.#queue) {
      count += batch.count;
      bytes += batch.bytes;
    }
    return { count, bytes };
  }

  /** The batch that the next exchange belongs to. */
  #openBatch(): PackedExchanges {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.count < MAX_BATCH) return last;
    const next = this.#spare ?? new PackedExchanges();
    this.#spare = undefined;
    this.#queue.push(next);
    return next;
  }

  #schedule(delayMs: number): void {
    this.#stopTimer ??= this.#clock.after(delayMs, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
  }

  async #write(): Promise<void> {
    while (true) {
      // Removed before the await, so that no other call writes the same exchanges.
      const batch = this.#queue.shift();
      if (batch === undefined) return;
      this.#isWriting = true;
      const { left, failure } = await this.#writeBatch(batch);
      this.#isWriting = false;
      this.#setHealth(failure === undefined ? "ok" : "failing", failure);
      if (left === undefined) {
        batch.clear();
        this.#spare = batch;
        continue;
      }
      this.#queue.unshift(left);
      return this.#schedule(RETRY_MS);
    }
  }

  /**
   * Writes a batch. If the store rejects it, writes the exchanges one by one, and drops those that cause the
   * error, so that they do not block the others. An error that is not a `StoreError` is a bug of the program:
   * it does the same, and shows in the health.
   */
  async #writeBatch(batch: PackedExchanges): Promise<WriteResult> {
    let reason: string;
    let failure: string | undefined;
    const rows = batch.pages();
    const pages = rows.size > 0 ? this.#pages : undefined;
    try {
      await this.#store.addPackedExchanges(batch, pages?.note(rows));
      pages?.ended(rows);
      return { left: undefined, failure: undefined };
    } catch (error) {
      reason = messageOf(error);
      const isStore = error instanceof StoreError;
      if (isStore && error.kind !== "failed") return { left: batch, failure: reason };
      if (!isStore) failure = `unexpected: ${reason}`;
    }
    if (batch.count === 1) {
      pages?.ended(rows);
      this.#events.onDropped(reason);
      return { left: undefined, failure };
    }
    const all = batch.rows();
    for (const [index, row] of all.entries()) {
      const one = await this.#writeBatch(PackedExchanges.of([row]));
      if (one.left !== undefined) {
        return { left: PackedExchanges.of(all.slice(index)), failure: one.failure };
      }
      failure ??= one.failure;
    }
    return { left: undefined, failure };
  }

  #setHealth(health: "ok" | "failing", reason: string | undefined): void {
    if (health === this.#health) return;
    this.#health = health;
    this.#events.onHealth(health, reason);
  }
}
