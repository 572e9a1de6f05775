/** Writes exchanges to the store, many at a time, and bears with a store that fails. */

import type { Clock } from "../time/clock.ts";
import { type ExchangeRow, type Store, StoreError } from "./store.ts";

/** How long an exchange may wait, so that others can be written with it. */
const GATHER_MS = 250;
/** Before a store that failed is tried again. */
const RETRY_MS = 1_000;
/** So many may wait for a store that fails; more are dropped, the newest first. */
const MAX_WAITING = 10_000;
/** So many are written in one go, during which the program does nothing else; they are not kept waiting either. */
const MAX_BATCH = 250;

/** What the writer tells. */
export interface WriterEvents {
  /** The store began to fail, or works again. */
  readonly onHealth: (health: "ok" | "failing", reason: string | undefined) => void;
  /** An exchange is lost. */
  readonly onDropped: (reason: string) => void;
}

/** A queue in front of the store. */
export class ExchangeWriter {
  readonly #store: Pick<Store, "addExchanges">;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  #waiting: ExchangeRow[] = [];
  #stopTimer: (() => void) | undefined;
  /** Ends when all that was begun has ended: one writing follows the other. */
  #writing: Promise<void> = Promise.resolve();
  #health: "ok" | "failing" = "ok";

  constructor(store: Pick<Store, "addExchanges">, { clock, events }: { clock: Clock; events: WriterEvents }) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  get health(): "ok" | "failing" {
    return this.#health;
  }

  add(row: ExchangeRow): void {
    if (this.#waiting.length >= MAX_WAITING) return this.#events.onDropped("too many wait");
    this.#waiting.push(row);
    // Of a store that fails the timer takes care.
    if (this.#waiting.length === MAX_BATCH && this.#health === "ok") this.flush();
    else this.#schedule(GATHER_MS);
  }

  /** Writes all that waits; resolves also where the store fails, and what it did not take goes on waiting. */
  async flush(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** Writes what it can for the last time. */
  async close(): Promise<void> {
    await this.flush();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const _ of this.#waiting.splice(0)) this.#events.onDropped("the program ends");
  }

  #schedule(delayMs: number): void {
    this.#stopTimer ??= this.#clock.after(delayMs, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Taken out before it is waited for: nobody else may write the same.
      const batch = this.#waiting.splice(0, MAX_BATCH);
      const failure = await this.#writeBatch(batch);
      this.#became(failure === undefined ? "ok" : "failing", failure?.message);
      if (failure === undefined) continue;
      this.#waiting.unshift(...batch);
      return this.#schedule(RETRY_MS);
    }
  }

  /** One that the store will never take must not hold up all others: it is dropped. */
  async #writeBatch(batch: readonly ExchangeRow[]): Promise<Error | undefined> {
    try {
      await this.#store.addExchanges(batch);
      return undefined;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.kind !== "failed") return error;
      if (batch.length === 1) this.#events.onDropped(error.message);
      else for (const row of batch) await this.#writeBatch([row]);
      return undefined;
    }
  }

  #became(health: "ok" | "failing", reason: string | undefined): void {
    if (health === this.#health) return;
    this.#health = health;
    this.#events.onHealth(health, reason);
  }
}
