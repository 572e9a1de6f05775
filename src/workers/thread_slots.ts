/** Acquires slots for one serving thread. All threads share the slots. */

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
  /** Releases the slot of a request, or stops the wait of the request for a slot. */
  readonly release: (use: SlotUse, id: number) => void;
  /** Reports that a slot is free that this thread had taken without a call of `acquire`. */
  readonly freed: (use: SlotUse) => void;
}

/** The counts and calls that a {@link ThreadSlots} uses. */
export interface ThreadSlotsParts {
  readonly use: SlotUse;
  readonly counts: SlotCounts;
  readonly own: OwnSlots;
  readonly calls: SlotCalls;
}

/**
 * Acquires slots for the requests of a thread. A slot costs no message if less than nine tenths of all slots
 * are in use and no limit per holder is set. Otherwise the main thread decides, because only it knows the
 * holders of all threads and can be fair to them.
 */
export class ThreadSlots {
  readonly #parts: ThreadSlotsParts;
  /** Up to this number of slots in use, a thread takes a slot without a message. */
  #mostFast = 0;
  #count = 0;

  constructor(limits: ConcurrencyLimits, parts: ThreadSlotsParts) {
    this.#parts = parts;
    this.configure(limits);
  }

  /** Sets the limits for further requests. */
  configure({ maxExchanges, maxPerPrincipal }: ConcurrencyLimits): void {
    const reserved = Math.floor(maxExchanges / RESERVED_PART);
    // With fewer than ten slots, no slot is reserved, and two threads could take the last slot at the same
    // time.
    const isFast = maxPerPrincipal === Infinity && (maxExchanges === Infinity || reserved > 0);
    this.#mostFast = isFast ? maxExchanges === Infinity ? Infinity : maxExchanges - reserved : 0;
  }

  /**
   * Acquires a slot, as `ConcurrencyLimiter.acquire` does: returns the function that releases it. Returns a
   * promise if the main thread decides; it rejects with `overloaded`, or with the reason of the cancellation.
   */
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
