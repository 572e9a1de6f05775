/** The usage of ended requests that the shared counts do not have yet. */

import { MinuteWindow } from "../minute_window.ts";
import type { Holding } from "./shared_limits.ts";

/** Used tokens, and used money in micro-dollars. */
interface Used {
  readonly tokens: number;
  readonly micros: number;
}

interface Sum {
  readonly id: string;
  readonly keys: readonly string[];
  /** `undefined` until a request used tokens. */
  tokens: MinuteWindow | undefined;
  micros: number;
}

/**
 * Adds up the usage of ended requests, in one sum for all requests with the same ledgers. The shared counts
 * hold each sum until the database has its costs. So a cost counts at all times, and only once in the end.
 */
export class EndedHoldings {
  readonly #owner: string;
  readonly #now: () => number;
  /** Sums to which requests are still added, by the keys of their ledgers. */
  readonly #open = new Map<string, Sum>();
  /** Sums that get no more requests, because the shared counts are being raised by their costs. */
  readonly #closed = new Map<string, Holding>();
  #lastId = 0;

  /** `now` is the time in milliseconds of a monotonic clock. */
  constructor(owner: string, now: () => number) {
    this.#owner = owner;
    this.#now = now;
  }

  /** Whether there is no sum to count. */
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

  /** Adds all sums of `other` to these sums, and empties `other`. */
  addAll(other: EndedHoldings): void {
    for (const { keys, tokens, micros } of other.all()) this.add(keys, { tokens, micros });
    other.clear();
  }

  /** Returns all sums. The tokens of a sum are those of the last minute. */
  all(): Holding[] {
    return [...this.#closed.values(), ...[...this.#open.values()].map((sum) => this.#holdingOf(sum))];
  }

  /** Closes all open sums, and returns all closed ones. Requests that end later make new sums. */
  close(): Holding[] {
    for (const sum of this.#open.values()) this.#closed.set(sum.id, this.#holdingOf(sum));
    this.#open.clear();
    return [...this.#closed.values()];
  }

  /** Removes a closed sum, whose costs the shared counts now have. */
  delete(id: string): void {
    this.#closed.delete(id);
  }

  /** Removes all sums, open and closed. */
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
