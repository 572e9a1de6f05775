/** Writes exchanges to the store, many at a time, and bears with a store that fails. */

import type { Clock } from "../clock.ts";
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
  #writing: Promise<void> | undefined;
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
    if (this.#waiting.length >= MAX_BATCH && this.#health === "ok" && this.#writing === undefined) {
      this.flush();
    } else this.#schedule(GATHER_MS);
  }

  /** Writes all that waits; resolves also where the store fails, and what it did not take goes on waiting. */
  async flush(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    await this.#writing;
    await (this.#writing = this.#write().finally(() => this.#writing = undefined));
  }

  /** Writes what it can for the last time. */
  async close(): Promise<void> {
    await this.flush();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (let left = this.#waiting.length; left > 0; left--) this.#events.onDropped("the program ends");
  }

  #schedule(delayMs: number): void {
    if (this.#stopTimer !== undefined || this.#writing !== undefined) return;
    this.#stopTimer = this.#clock.after(delayMs, () => {
      this.#stopTimer = undefined;
      this.flush();
    });
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, MAX_BATCH);
        await this.#writeBatch(batch);
        this.#waiting.splice(0, batch.length);
        this.#became("ok");
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#became("failing", error.message);
      this.#stopTimer ??= this.#clock.after(RETRY_MS, () => {
        this.#stopTimer = undefined;
        this.flush();
      });
    }
  }

  /** One that the store will never take must not hold up all others: it is dropped. */
  async #writeBatch(batch: readonly ExchangeRow[]): Promise<void> {
    try {
      await this.#store.addExchanges(batch);
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== "failed") throw error;
      if (batch.length === 1) return this.#events.onDropped(error.message);
      for (const row of batch) await this.#writeBatch([row]);
    }
  }

  #became(health: "ok" | "failing", reason?: string): void {
    if (health === this.#health) return;
    this.#health = health;
    this.#events.onHealth(health, reason);
  }
}
