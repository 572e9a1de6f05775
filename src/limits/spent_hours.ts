/** What one subject has spent, by the hour. */

import { SPENDING_KEPT_MS } from "../storage/booking.ts";

/** So many hours may be held before old ones are dropped. */
const MAX_HOURS = 1_600;

/** What was spent in one hour. */
export interface SpentHour {
  /** Its first millisecond since 1970. */
  readonly start: number;
  readonly micros: number;
  /** False: it was booked while the clock was wrong. */
  readonly isDated: boolean;
}

/** Hours, and what was spent in each, in millionths of a US dollar. */
export class SpentHours {
  readonly #hours = new Map<number, number>();
  /** The part that was booked while the clock was wrong. */
  readonly #undated = new Map<number, number>();
  /** Sums by the hour that they begin with; most requests ask for the same three. */
  readonly #sums = new Map<number, number>();
  totalMicros: number;

  /** `totalMicros` may hold more than the hours do. */
  constructor({ totalMicros, hours }: { totalMicros: number; hours: readonly SpentHour[] }) {
    this.totalMicros = totalMicros;
    for (const { start, micros, isDated } of hours) this.#book(start, { micros, isDated });
  }

  /** Adds what was spent in an hour. */
  add(hour: number, entry: { micros: number; isDated: boolean }): void {
    this.totalMicros += entry.micros;
    if (this.#hours.size >= MAX_HOURS && !this.#hours.has(hour)) this.#drop(hour - SPENDING_KEPT_MS);
    this.#book(hour, entry);
  }

  /** What was spent from an hour on. */
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

  /** The hour that has to pass out of a sum to bring that below a limit; undefined: none does. */
  lastHourAbove(limit: number, from: number): number | undefined {
    let sum = this.since(from);
    for (const [start, micros] of [...this.#hours].sort(([one], [other]) => one - other)) {
      if (start < from) continue;
      sum -= micros;
      if (sum < limit) return start;
    }
    return undefined;
  }

  /** The clock is right now: what was booked before it was, and what is booked later than now, counts as of now. */
  dateAt(hour: number): void {
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
