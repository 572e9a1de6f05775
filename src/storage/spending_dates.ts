/** Dates in the store what was spent, when the clock is right or was set back; tries again where the store fails. */

import type { Clock } from "../time/clock.ts";
import type { ExchangeWriter } from "./exchange_writer.ts";
import { type Store, StoreError } from "./store.ts";

const RETRY_MS = 60_000;

/** Dates one after the other, in the order in which the clock was moved. */
export class SpendingDates {
  readonly #store: Pick<Store, "dateSpending">;
  readonly #writer: Pick<ExchangeWriter, "flush">;
  readonly #clock: Clock;
  readonly #onFailed: (reason: string) => void;
  readonly #waiting: number[] = [];
  #stopTimer = (): void => {};
  #dating: Promise<void> = Promise.resolve();

  constructor(
    store: Pick<Store, "dateSpending">,
    { writer, clock, onFailed }: {
      writer: Pick<ExchangeWriter, "flush">;
      clock: Clock;
      /** What the process counts and what the store holds differ until it is tried again. */
      onFailed: (reason: string) => void;
    },
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** What was booked while the clock was wrong, or in later hours than this one, counts in this hour. */
  date(hour: number): void {
    this.#waiting.push(hour);
    this.#dating = this.#dating.then(() => this.#date());
  }

  /** Ends when all is done that can be done. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.#dating;
    await this.#date();
    this.#stopTimer();
  }

  async #date(): Promise<void> {
    this.#stopTimer();
    while (true) {
      const [hour] = this.#waiting;
      if (hour === undefined) return;
      // What was booked before waits to be written.
      await this.#writer.flush();
      try {
        await this.#store.dateSpending(hour);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#onFailed(error.message);
        this.#stopTimer = this.#clock.after(RETRY_MS, () => {
          this.#dating = this.#dating.then(() => this.#date());
        });
        return;
      }
      this.#waiting.shift();
    }
  }
}
