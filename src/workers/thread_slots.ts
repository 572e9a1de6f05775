/** The slots of one serving thread, which all threads share. */

import type { Cancellation, CancellationListener } from "../cancellation.ts";
import type { ConcurrencyLimits } from "../config/config.ts";
import { RESERVED_PART, type SlotUse } from "../capacity/concurrency_limiter.ts";
import type { OwnSlots, SlotCounts } from "./slot_counts.ts";

/** How a serving thread gets slots from the main thread. */
export interface SlotCalls {
  /** Acquires a slot. Rejects with the fault `overloaded`. */
  readonly acquire: (
    use: SlotUse,
    request: { readonly id: number; readonly holder: string },
  ) => Promise<void>;
  /** Releases the slot of a request, or stops its wait. */
  readonly release: (use: SlotUse, id: number) => void;
  /** Says that a slot is free which no call of `acquire` took. */
  readonly freed: (use: SlotUse) => void;
}

/** What {@link ThreadSlots} needs. */
export interface ThreadSlotsParts {
  readonly use: SlotUse;
  readonly counts: SlotCounts;
  readonly own: OwnSlots;
  readonly calls: SlotCalls;
}

/**
 * Gives slots to the requests of a thread. While less than nine tenths of all slots are in use and no limit
 * per holder is set, a slot costs no message. Otherwise the main thread decides, because fairness depends on
 * the holders of all threads.
 */
export class ThreadSlots {
  readonly #parts: ThreadSlotsParts;
  /** The most slots that threads take without the main thread. */
  #mostFast = 0;
  #count = 0;

  constructor(limits: ConcurrencyLimits, parts: ThreadSlotsParts) {
    this.#parts = parts;
    this.configure(limits);
  }

  /** Sets other limits. */
  configure({ maxExchanges, maxPerPrincipal }: ConcurrencyLimits): void {
    const reserved = Math.floor(maxExchanges / RESERVED_PART);
    // With less than ten slots none is reserved, and two threads could take the last slot at the same time.
    const isFast = maxPerPrincipal === Infinity && (maxExchanges === Infinity || reserved > 0);
    this.#mostFast = isFast ? maxExchanges === Infinity ? Infinity : maxExchanges - reserved : 0;
  }

  /** Does what `ConcurrencyLimiter.acquire` does. */
  acquire(holder: string, cancellation: Cancellation): (() => void) | Promise<() => void> {
    const { counts, own } = this.#parts;
    if (counts.hasWaiting || !counts.tryTake(this.#mostFast)) return this.#wait(holder, cancellation);
    own.add(1);
    return once(() => this.#releaseFast());
  }

  #releaseFast(): void {
    const { use, counts, own, calls } = this.#parts;
    own.add(-1);
    counts.release(1);
    if (counts.hasWaiting) calls.freed(use);
  }

  #wait(holder: string, cancellation: Cancellation): Promise<() => void> {
    const { use, calls } = this.#parts;
    const id = this.#count++;
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const release = once(() => calls.release(use, id));
    const departure: CancellationListener = {
      cancelled() {
        release();
        reject(cancellation.reason);
      },
    };
    const stopListening = (): void => cancellation.removeListener(departure);
    calls.acquire(use, { id, holder }).then(() => {
      stopListening();
      resolve(release);
    }, (error) => {
      stopListening();
      reject(error);
    });
    cancellation.addListener(departure);
    return promise;
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}
