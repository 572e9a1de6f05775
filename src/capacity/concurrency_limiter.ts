/** Limits how many requests are in one stage at the same time, in total and for each holder. Others queue. */

import type { Cancellation, CancellationListener } from "../cancellation.ts";
import type { ConcurrencyLimits } from "../config/config.ts";
import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";
import { holderText } from "../principal.ts";
import { counted } from "../text/counted.ts";

/** What the requests that hold a slot are doing, for messages. */
export type SlotUse = "running" | "sending a body";

interface Waiting {
  readonly holder: string;
  readonly admit: () => void;
  readonly reject: () => void;
}

/** If this many requests wait, the limiter rejects the next one at once. */
const MAX_WAITING = 1_000;
/** `retry-after` of rejected requests. Most requests finish within seconds. */
const RETRY_AFTER_SECONDS = 2;

/** One slot in this many is reserved for holders that have few slots. */
export const RESERVED_PART = 10;

/**
 * Gives slots to requests, and queues requests while no slot is free. A holder is a token, or the address of
 * a client without a token.
 *
 * A tenth of all slots is reserved: a holder gets a reserved slot only if it then leaves at least as many
 * slots free as it had before. So a busy holder gets nine tenths, the next holder half of the rest, and so
 * on. The first request of a holder gets any free slot. With fewer than ten slots, none is reserved.
 */
export class ConcurrencyLimiter {
  readonly #clock: Clock;
  readonly #use: SlotUse;
  readonly #runningElsewhere: () => number;
  #limits: ConcurrencyLimits;
  #running = 0;
  readonly #byHolder = new Map<string, number>();
  /** The requests that wait, in the order of arrival. */
  readonly #waiting = new Set<Waiting>();

  /**
   * `use` is what the requests with a slot do. `runningElsewhere` is the number of requests that count
   * towards the total, but did not acquire their slot here; their holders are unknown.
   */
  constructor(
    limits: ConcurrencyLimits,
    clock: Clock,
    { use = "running", runningElsewhere = () => 0 }: {
      readonly use?: SlotUse;
      readonly runningElsewhere?: () => number;
    } = {},
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#use = use;
    this.#runningElsewhere = runningElsewhere;
  }

  /** Sets other limits. Requests that hold a slot keep it. */
  configure(limits: ConcurrencyLimits): void {
    this.#limits = limits;
    this.#admitWaiting();
  }

  /** Admits requests that wait, because requests elsewhere have ended. */
  readmit(): void {
    this.#admitWaiting();
  }

  /** The number of requests that have a slot. */
  get running(): number {
    return this.#running;
  }

  /** The number of requests that wait for a slot. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Acquires a slot for a request, and returns the function that releases it. `holder` is a key of
   * `holderOf`. Returns a promise only if the request has to wait. The promise rejects with the fault
   * `overloaded`, or with the reason of the cancellation.
   */
  acquire(holder: string, cancellation: Cancellation): (() => void) | Promise<() => void> {
    if (!this.#hasSlot(holder)) return this.#queue(holder, cancellation);
    return this.#take(holder);
  }

  #hasSlot(holder: string): boolean {
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#runningOf(holder);
    const running = this.#running + this.#runningElsewhere();
    if (running >= maxExchanges || own >= maxPerPrincipal) return false;
    if (maxExchanges === Infinity) return true;
    const freeAfter = maxExchanges - running - 1;
    return freeAfter >= Math.floor(maxExchanges / RESERVED_PART) || own <= freeAfter;
  }

  #runningOf(holder: string): number {
    return this.#byHolder.get(holder) ?? 0;
  }

  #take(holder: string): () => void {
    this.#running++;
    this.#byHolder.set(holder, this.#runningOf(holder) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#running--;
      const left = this.#runningOf(holder) - 1;
      if (left > 0) this.#byHolder.set(holder, left);
      else this.#byHolder.delete(holder);
      if (this.#waiting.size > 0) this.#admitWaiting();
    };
  }

  #queue(holder: string, cancellation: Cancellation): Promise<() => void> {
    if (this.#waiting.size >= MAX_WAITING && !this.#rejectFor(holder)) {
      return Promise.reject(this.#overloaded(holder));
    }
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const leave = (): void => {
      this.#waiting.delete(entry);
      stopTimer();
      cancellation.removeListener(departure);
    };
    const entry: Waiting = {
      holder,
      admit: () => {
        leave();
        resolve(this.#take(holder));
      },
      reject: () => {
        leave();
        reject(this.#overloaded(holder));
      },
    };
    this.#waiting.add(entry);
    const { queueMs } = this.#limits;
    const stopTimer = queueMs === Infinity ? () => {} : this.#clock.after(queueMs, () => {
      leave();
      reject(this.#overloaded(holder));
    });
    const departure: CancellationListener = {
      cancelled() {
        leave();
        reject(cancellation.reason);
      },
    };
    cancellation.addListener(departure);
    return promise;
  }

  /**
   * Rejects the newest waiting request of the holder with the most waiting requests. Returns false if that
   * holder is this one.
   */
  #rejectFor(holder: string): boolean {
    const counts = new Map<string, number>();
    for (const { holder } of this.#waiting) counts.set(holder, (counts.get(holder) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if ((counts.get(holder) ?? 0) + 1 >= most) return false;
    const last = [...this.#waiting].findLast((entry) => counts.get(entry.holder) === most);
    last?.reject();
    return last !== undefined;
  }

  #overloaded(holder: string): ProxyFault {
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#runningOf(holder);
    const running = this.#running + this.#runningElsewhere();
    const ownText = `${holderText(holder)} has ${counted(own, "request")} ${this.#use}`;
    const what = own >= maxPerPrincipal
      ? `${ownText}, which is its limit.`
      : running < maxExchanges
      ? `${ownText}. The proxy keeps the remaining slots for other clients.`
      : `The proxy has ${counted(running, "request")} ${this.#use}, which is its limit.`;
    return new ProxyFault("overloaded", what, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /**
   * Admits the holders with the fewest running requests first, so that a greedy client cannot block others.
   */
  #admitWaiting(): void {
    while (true) {
      let next: Waiting | undefined;
      for (const entry of this.#waiting) {
        if (!this.#hasSlot(entry.holder)) continue;
        if (next === undefined || this.#runningOf(entry.holder) < this.#runningOf(next.holder)) {
          next = entry;
        }
      }
      if (next === undefined) return;
      next.admit();
    }
  }
}
