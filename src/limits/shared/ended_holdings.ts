/** What requests used that the shared counts do not have yet. */

import { MinuteWindow } from "../minute_window.ts";
import type { Holding } from "./shared_limits.ts";

/** Tokens and micro-dollars that were used. */
interface Used {
  readonly tokens: number;
  readonly micros: number;
}

interface Sum {
  readonly id: string;
  readonly keys: readonly string[];
  /** `undefined` before the first one. */
  tokens: MinuteWindow | undefined;
  micros: number;
}

/**
 * Sums of what ended requests used, one for the requests of the same ledgers. The shared counts hold a sum
 * until the database has the costs, so that they are counted all the time, and in the end once.
 */
export class EndedHoldings {
  readonly #owner: string;
  readonly #now: () => number;
  /** Sums that can grow, by their ledgers. */
  readonly #open = new Map<string, Sum>();
  /** Sums whose costs are on their way into the shared counts. */
  readonly #closed = new Map<string, Holding>();
  #lastId = 0;

  /** `now` is the time in milliseconds of a monotonic clock. */
  constructor(owner: string, now: () => number) {
    this.#owner = owner;
    this.#now = now;
  }

  /** Whether there is nothing to count. */
  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#closed.size === 0;
  }

  /** Adds what a request used, and returns the sum. */
  add(keys: readonly string[], { tokens, micros }: Used): Holding {
    const text = keys.join("\n");
    let sum = this.#open.get(text);
    if (sum === undefined) {
      const id = `${this.#owner} ended ${(++this.#lastId).toString(36)}`;
      sum = { id, keys, tokens: undefined, micros: 0 };
      this.#open.set(text, sum);
    }
    if (tokens > 0) (sum.tokens ??= new MinuteWindow()).add(this.#now(), tokens);
    sum.micros += micros;
    return this.#holdingOf(sum);
  }

  /** Adds all sums of another one, and empties it. */
  addAll(other: EndedHoldings): void {
    for (const { keys, tokens, micros } of other.all()) this.add(keys, { tokens, micros });
    other.clear();
  }

  /** All sums. Their tokens are those of the last minute. */
  all(): Holding[] {
    return [...this.#closed.values(), ...[...this.#open.values()].map((sum) => this.#holdingOf(sum))];
  }

  /** Closes all sums and returns them. What ends from now on makes others. */
  close(): Holding[] {
    for (const sum of this.#open.values()) this.#closed.set(sum.id, this.#holdingOf(sum));
    this.#open.clear();
    return [...this.#closed.values()];
  }

  /** Forgets a closed sum, whose costs are counted. */
  delete(id: string): void {
    this.#closed.delete(id);
  }

  /** Forgets everything. */
  clear(): void {
    this.#open.clear();
    this.#closed.clear();
  }

  #holdingOf({ id, keys, tokens, micros }: Sum): Holding {
    const owner = this.#owner;
    return {
      id,
      owner,
      keys,
      isRunning: false,
      tokens: tokens?.sum(this.#now()) ?? 0,
      micros,
      excessMicros: 0,
    };
  }
}
