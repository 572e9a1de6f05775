/** Moves spending in the store to the right hour, after the clock was corrected. */

import type { Clock } from "../time/clock.ts";
import type { ExchangeWriter } from "./exchange_writer.ts";
import { messageOf } from "../text/error_text.ts";
import type { Store } from "./store.ts";

const RETRY_MS = 60_000;

/** A queue of corrections of the clock. It applies them in their order, and retries while the store fails. */
export class SpendingDates {
  readonly #store: Pick<Store, "dateSpending">;
  readonly #writer: Pick<ExchangeWriter, "flush">;
  readonly #clock: Clock;
  readonly #onFailed: (reason: string) => void;
  readonly #hours: number[] = [];
  #stopTimer = (): void => {};
  #running: Promise<void> = Promise.resolve();

  constructor(
    store: Pick<Store, "dateSpending">,
    { writer, clock, onFailed }: {
      writer: Pick<ExchangeWriter, "flush">;
      clock: Clock;
      /** Gets the message of an error. Until the retry, the store and the limiter count differently. */
      onFailed: (reason: string) => void;
    },
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /**
   * Moves spending to an hour, given by its first millisecond since 1970: spending that was booked while the
   * clock was wrong, and spending of later hours.
   */
  date(hour: number): void {
    this.#hours.push(hour);
    this.#running = this.#running.then(() => this.#apply());
  }

  /** Applies the queued corrections once more, and resolves. Corrections that fail are lost. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.#running;
    await this.#apply();
    this.#stopTimer();
  }

  async #apply(): Promise<void> {
    this.#stopTimer();
    while (true) {
      const [hour] = this.#hours;
      if (hour === undefined) return;
      // Spending that was booked before the correction may still be in the queue of the writer.
      await this.#writer.flush();
      try {
        await this.#store.dateSpending(hour);
      } catch (error) {
        this.#onFailed(messageOf(error));
        this.#stopTimer = this.#clock.after(RETRY_MS, () => {
          this.#running = this.#running.then(() => this.#apply());
        });
        return;
      }
      this.#hours.shift();
    }
  }
}
