/** Limits how many requests are in one stage at the same time, in all and of each principal; others queue briefly. */

import type { Cancellation } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import { ProxyFault } from "../faults.ts";

/** Numbers of slots. `Infinity` means no limit. */
export interface SlotLimits {
  readonly maxExchanges: number;
  readonly maxPerPrincipal: number;
  /** How long a request queues before it is rejected, in milliseconds. */
  readonly queueMs: number;
}

/** What the requests that hold a slot do, for messages. */
export type SlotUse = "running" | "sending their bodies";

interface Waiting {
  readonly principal: string;
  readonly enter: () => void;
  readonly refuse: () => void;
}

/** Whoever comes when so many wait is refused at once. */
const MAX_WAITING = 1_000;
/** What whoever was refused is told to wait: those that run last for seconds, mostly. */
const RETRY_AFTER_SECONDS = 2;

/** One principal alone leaves this part of all slots free for others. */
const RESERVED_PART = 10;

/**
 * Slots that principals share. Nobody holds more slots than are left free for others, unless a tenth of all slots is
 * still free: one principal alone gets nine tenths, the next one half of the rest, and so on. The first request of a
 * principal gets any free slot. With fewer than ten slots nothing is reserved.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #use: SlotUse;
  #limits: SlotLimits;
  #running = 0;
  readonly #byPrincipal = new Map<string, number>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  constructor(limits: SlotLimits, clock: Clock, use: SlotUse = "running") {
    this.#limits = limits;
    this.#clock = clock;
    this.#use = use;
  }

  /** Other bounds hold from now on; what runs goes on. */
  configure(limits: SlotLimits): void {
    this.#limits = limits;
    this.#admitWaiting();
  }

  /** Exchanges that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * A place for an exchange, which is given back by calling what comes back. A promise only where one has to wait;
   * it rejects with the fault `overloaded`, or with the reason of the cancellation.
   */
  take(principal: string, cancellation: Cancellation): (() => void) | Promise<() => void> {
    if (!this.#hasRoom(principal)) return this.#queue(principal, cancellation);
    return this.#enter(principal);
  }

  #hasRoom(principal: string): boolean {
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#of(principal);
    if (this.#running >= maxExchanges || own >= maxPerPrincipal) return false;
    if (maxExchanges === Infinity) return true;
    const freeAfter = maxExchanges - this.#running - 1;
    return freeAfter >= Math.floor(maxExchanges / RESERVED_PART) || own <= freeAfter;
  }

  #of(principal: string): number {
    return this.#byPrincipal.get(principal) ?? 0;
  }

  #enter(principal: string): () => void {
    this.#running++;
    this.#byPrincipal.set(principal, this.#of(principal) + 1);
    let isGiven = true;
    return () => {
      if (!isGiven) return;
      isGiven = false;
      this.#running--;
      const left = this.#of(principal) - 1;
      if (left > 0) this.#byPrincipal.set(principal, left);
      else this.#byPrincipal.delete(principal);
      if (this.#waiting.size > 0) this.#admitWaiting();
    };
  }

  #queue(principal: string, cancellation: Cancellation): Promise<() => void> {
    if (this.#waiting.size >= MAX_WAITING && !this.#makeRoomFor(principal)) {
      return Promise.reject(this.#refusal(principal));
    }
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const leave = (): void => {
      this.#waiting.delete(entry);
      stopTimer();
      cancellation.onCancel(undefined);
    };
    const entry: Waiting = {
      principal,
      enter: () => {
        leave();
        resolve(this.#enter(principal));
      },
      refuse: () => {
        leave();
        reject(this.#refusal(principal));
      },
    };
    this.#waiting.add(entry);
    const { queueMs } = this.#limits;
    const stopTimer = queueMs === Infinity ? () => {} : this.#clock.after(queueMs, () => {
      leave();
      reject(this.#refusal(principal));
    });
    cancellation.onCancel(() => {
      const { reason } = cancellation;
      leave();
      reject(reason);
    });
    return promise;
  }

  /** Refuses the last that came of the principal with the most waiting, unless that is this one. */
  #makeRoomFor(principal: string): boolean {
    const counts = new Map<string, number>();
    for (const { principal } of this.#waiting) counts.set(principal, (counts.get(principal) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if ((counts.get(principal) ?? 0) + 1 >= most) return false;
    const last = [...this.#waiting].findLast((entry) => counts.get(entry.principal) === most);
    last?.refuse();
    return last !== undefined;
  }

  #refusal(principal: string): ProxyFault {
    const { maxExchanges, maxPerPrincipal } = this.#limits;
    const own = this.#of(principal);
    const what = own >= maxPerPrincipal
      ? `This token has ${own} requests ${this.#use}, as many as it may have.`
      : this.#running < maxExchanges
      ? `This token has ${own} requests ${this.#use}; the proxy keeps the remaining slots for other tokens.`
      : `The proxy has ${this.#running} requests ${this.#use}, as many as it takes.`;
    return new ProxyFault("overloaded", what, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /** First whoever has the fewest running, so that one who asks for everything holds nobody else up. */
  #admitWaiting(): void {
    while (true) {
      let next: Waiting | undefined;
      for (const entry of this.#waiting) {
        if (!this.#hasRoom(entry.principal)) continue;
        if (next === undefined || this.#of(entry.principal) < this.#of(next.principal)) next = entry;
      }
      if (next === undefined) return;
      next.enter();
    }
  }
}
