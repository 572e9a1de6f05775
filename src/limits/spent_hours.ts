/** The spending of one subject, by the hour. */

import { SPENDING_KEPT_MS } from "../storage/booking.ts";
import type { Spending } from "../storage/store.ts";

/** At this number of hours, hours that no period needs are dropped. */
const MAX_HOURS = 1_600;

/** Adds up spending by the hour, in millionths of a US dollar. */
export class SpentHours {
  readonly #hours = new Map<number, number>();
  /** The part of the spending that was booked while the clock was wrong. */
  readonly #undated = new Map<number, number>();
  /** Cached sums, by their first hour. Most requests need the same three sums. */
  readonly #sums = new Map<number, number>();
  totalMicros: number;

  /** `totalMicros` may be more than the sum of the hours, because old hours are dropped. */
  constructor({ totalMicros, hours }: Pick<Spending, "totalMicros" | "hours">) {
    this.totalMicros = totalMicros;
    for (const { start, micros, isDated } of hours) this.#book(start, { micros, isDated });
  }

  /** Adds spending in an hour. `hour` is its start in milliseconds since 1970. */
  add(hour: number, entry: { micros: number; isDated: boolean }): void {
    this.totalMicros += entry.micros;
    if (this.#hours.size >= MAX_HOURS && !this.#hours.has(hour)) this.#drop(hour - SPENDING_KEPT_MS);
    this.#book(hour, entry);
  }

  /** Raises the total and the hours to at least these amounts, which another process may have spent. */
  raise({ totalMicros, hours }: {
    readonly totalMicros: number;
    readonly hours: readonly { readonly start: number; readonly micros: number }[];
  }): void {
    this.totalMicros = Math.max(this.totalMicros, totalMicros);
    for (const { start, micros } of hours) {
      const missing = micros - (this.#hours.get(start) ?? 0);
      if (missing > 0) this.#book(start, { micros: missing, isDated: true });
    }
  }

  /** The spending since the start of an hour, that hour included. */
  since(from: number): number {
    let sum = this.#sums.get(from);
    if (sum === undefined) {
      sum = 0;
      for (const [start, micros] of this.#hours) if (start >= from) sum += micros;
      if (this.#sums.size >= 8) this.#sums.clear();
      this.#sums.set(from, sum);
    }
    return sum;
  }

  /**
   * Returns the hour that a rolling period must drop before its sum is below a limit. `undefined` if dropping
   * hours is not enough.
   */
  lastHourAbove(limit: number, from: number): number | undefined {
    let sum = this.since(from);
    for (const [start, micros] of [...this.#hours].sort(([one], [other]) => one - other)) {
      if (start < from) continue;
      sum -= micros;
      if (sum < limit) return start;
    }
    return undefined;
  }

  /**
   * Moves spending without a certain hour, and spending of later hours, to an hour, because the clock became
   * right or was set back.
   */
  moveTo(hour: number): void {
    for (const [start, micros] of this.#undated) this.#move(start, { to: hour, micros });
    this.#undated.clear();
    for (const [start, micros] of [...this.#hours]) {
      if (start > hour) this.#move(start, { to: hour, micros });
    }
    this.#sums.clear();
  }

  #book(hour: number, { micros, isDated }: { micros: number; isDated: boolean }): void {
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + micros);
    if (!isDated) this.#undated.set(hour, (this.#undated.get(hour) ?? 0) + micros);
    for (const [from, sum] of this.#sums) if (from <= hour) this.#sums.set(from, sum + micros);
  }

  #move(start: number, { to, micros }: { to: number; micros: number }): void {
    const left = (this.#hours.get(start) ?? 0) - micros;
    if (left > 0) this.#hours.set(start, left);
    else this.#hours.delete(start);
    this.#hours.set(to, (this.#hours.get(to) ?? 0) + micros);
  }

  #drop(before: number): void {
    for (const start of [...this.#hours.keys()]) {
      if (start >= before) continue;
      this.#hours.delete(start);
      this.#undated.delete(start);
    }
    this.#sums.clear();
  }
}
