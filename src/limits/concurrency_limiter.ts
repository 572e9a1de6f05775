/**
 * Limits how many exchanges run at the same time, in total and for each principal. Others wait in a queue.
 */

import type { Cancellation } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";

/** The limits of a {@link ConcurrencyLimiter}. `Infinity` means no limit. */
export interface ConcurrencyLimits {
  readonly maxExchanges: number;
  readonly maxPerPrincipal: number;
  /** How long an exchange waits before it is rejected, in milliseconds. */
  readonly queueMs: number;
}

interface Waiting {
  readonly principal: string;
  readonly admit: () => void;
  readonly reject: () => void;
}

/** If this many exchanges wait, the next one is rejected at once. */
const MAX_WAITING = 1_000;
/** `retry-after` of rejected requests. Most requests finish within seconds. */
const RETRY_AFTER_SECONDS = 2;

/** Gives slots to exchanges, and queues exchanges while no slot is free. */
export class ConcurrencyLimiter {
  readonly #clock: Clock;
  #limits: ConcurrencyLimits;
  #running = 0;
  readonly #byPrincipal = new Map<string, number>();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiting>();

  constructor(limits: ConcurrencyLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Sets other limits. Running exchanges continue. */
  configure(limits: ConcurrencyLimits): void {
    this.#limits = limits;
    this.#admitWaiting();
  }

  /** The number of exchanges that wait for a slot. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Acquires a slot for an exchange, and returns the function that releases it. Returns a promise only if the
   * exchange has to wait. The promise rejects with the fault `overloaded`, or with the reason of the
   * cancellation.
   */
  acquire(principal: string, cancellation: Cancellation): (() => void) | Promise<() => void> {
    if (!this.#hasSlot(principal)) return this.#queue(principal, cancellation);
    return this.#take(principal);
  }

  #hasSlot(principal: string): boolean {
    return this.#running < this.#limits.maxExchanges &&
      this.#runningOf(principal) < this.#limits.maxPerPrincipal;
  }

  #runningOf(principal: string): number {
    return this.#byPrincipal.get(principal) ?? 0;
  }

  #take(principal: string): () => void {
    this.#running++;
    this.#byPrincipal.set(principal, this.#runningOf(principal) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#running--;
      const left = this.#runningOf(principal) - 1;
      if (left > 0) this.#byPrincipal.set(principal, left);
      else this.#byPrincipal.delete(principal);
      if (this.#waiting.size > 0) this.#admitWaiting();
    };
  }

  #queue(principal: string, cancellation: Cancellation): Promise<() => void> {
    if (this.#waiting.size >= MAX_WAITING && !this.#rejectFor(principal)) {
      return Promise.reject(this.#overloaded(principal));
    }
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const leave = (): void => {
      this.#waiting.delete(entry);
      stopTimer();
      cancellation.stopWith(undefined);
    };
    const entry: Waiting = {
      principal,
      admit: () => {
        leave();
        resolve(this.#take(principal));
      },
      reject: () => {
        leave();
        reject(this.#overloaded(principal));
      },
    };
    this.#waiting.add(entry);
    const { queueMs } = this.#limits;
    const stopTimer = queueMs === Infinity ? () => {} : this.#clock.after(queueMs, () => {
      leave();
      reject(this.#overloaded(principal));
    });
    cancellation.stopWith(() => {
      const { reason } = cancellation;
      leave();
      reject(reason);
    });
    return promise;
  }

  /**
   * Rejects the newest waiting exchange of the principal with the most waiting exchanges. Returns false if
   * that principal is this one.
   */
  #rejectFor(principal: string): boolean {
    const counts = new Map<string, number>();
    for (const { principal } of this.#waiting) counts.set(principal, (counts.get(principal) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if ((counts.get(principal) ?? 0) + 1 >= most) return false;
    const last = [...this.#waiting].findLast((entry) => counts.get(entry.principal) === most);
    last?.reject();
    return last !== undefined;
  }

  #overloaded(principal: string): ProxyFault {
    const isOwn = this.#runningOf(principal) >= this.#limits.maxPerPrincipal;
    const what = isOwn
      ? `This token has ${this.#runningOf(principal)} requests running, which is its limit.`
      : `The proxy has ${this.#running} requests running, which is its limit.`;
    return new ProxyFault("overloaded", what, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /**
   * Admits the principals with the fewest running exchanges first, so that a greedy client cannot block
   * others.
   */
  #admitWaiting(): void {
    while (true) {
      let next: Waiting | undefined;
      for (const entry of this.#waiting) {
        if (!this.#hasSlot(entry.principal)) continue;
        if (next === undefined || this.#runningOf(entry.principal) < this.#runningOf(next.principal)) {
          next = entry;
        }
      }
      if (next === undefined) return;
      next.admit();
    }
  }
}
