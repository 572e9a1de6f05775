/**
 * Limits how many requests are in one stage at the same time, in total and for each principal. Others queue.
 */

import type { Cancellation } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";

/** The limits of a {@link ConcurrencyLimiter}. `Infinity` means no limit. */
export interface ConcurrencyLimits {
  readonly maxExchanges: number;
  readonly maxPerPrincipal: number;
  /** How long a request waits before it is rejected, in milliseconds. */
  readonly queueMs: number;
}

/** What the requests that hold a slot are doing, for messages. */
export type SlotUse = "running" | "sending their bodies";

interface Waiting {
  readonly principal: string;
  readonly admit: () => void;
  readonly reject: () => void;
}

/** If this many requests wait, the next one is rejected at once. */
const MAX_WAITING = 1_000;
/** `retry-after` of rejected requests. Most requests finish within seconds. */
const RETRY_AFTER_SECONDS = 2;

/** A single principal leaves one slot in this many free for others. */
const RESERVED_PART = 10;

/**
 * Gives slots to requests, and queues requests while no slot is free. A principal may hold at most as many
 * slots as it leaves free for others, unless a tenth of all slots is still free. So a single principal gets
 * nine tenths, the next principal half of the rest, and so on. The first request of a principal gets any free
 * slot. With fewer than ten slots nothing is reserved.
 */
export class ConcurrencyLimiter {
  readonly #clock: Clock;
  readonly #use: SlotUse;
  #limits: ConcurrencyLimits;
  #running = 0;
  readonly #byPrincipal = new Map<string, number>();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiting>();

  constructor(limits: ConcurrencyLimits, clock: Clock, use: SlotUse = "running") {
    this.#limits = limits;
    this.#clock = clock;
    this.#use = use;
  }

  /** Sets other limits. Requests that hold a slot keep it. */
  configure(limits: ConcurrencyLimits): void {
    this.#limits = limits;
    this.#admitWaiting();
  }

  /** The number of requests that wait for a slot. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Acquires a slot for a request, and returns the function that releases it. Returns a promise only if the
   * request has to wait. The promise rejects with the fault `overloaded`, or with the reason of the
   * cancellation.
   */
  acquire(principal: string, cancellation: Cancellation): (() => void) | Promise<() => void> {
    if (!this.#hasSlot(principal)) return this.#queue(principal, cancellation);
    return this.#take(principal);
  }

  #hasSlot(principal: string): boolean {
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#runningOf(principal);
    if (this.#running >= maxExchanges || own >= maxPerPrincipal) return false;
    if (maxExchanges === Infinity) return true;
    const freeAfter = maxExchanges - this.#running - 1;
    return freeAfter >= Math.floor(maxExchanges / RESERVED_PART) || own <= freeAfter;
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
      cancellation.onCancel(undefined);
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
    cancellation.onCancel(() => {
      const { reason } = cancellation;
      leave();
      reject(reason);
    });
    return promise;
  }

  /**
   * Rejects the newest waiting request of the principal with the most waiting requests. Returns false if
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
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#runningOf(principal);
    const what = own >= maxPerPrincipal
      ? `This token has ${own} requests ${this.#use}, which is its limit.`
      : this.#running < maxExchanges
      ? `This token has ${own} requests ${this.#use}. The proxy keeps the remaining slots for other tokens.`
      : `The proxy has ${this.#running} requests ${this.#use}, which is its limit.`;
    return new ProxyFault("overloaded", what, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /**
   * Admits the principals with the fewest running requests first, so that a greedy client cannot block
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
