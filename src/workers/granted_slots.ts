/** The slots of all serving threads, as the main thread grants them. */

import { Cancellation, ClientGone } from "../cancellation.ts";
import type { ConcurrencyLimits } from "../config/config.ts";
import { ConcurrencyLimiter, type SlotUse } from "../capacity/concurrency_limiter.ts";
import type { Clock } from "../time/clock.ts";
import { type OwnSlots, SlotCounts } from "./slot_counts.ts";

/** A request that has a slot, or waits for one. */
interface SlotRequest {
  readonly cancellation: Cancellation;
  /** `undefined` while the request waits. */
  release: (() => void) | undefined;
}

/**
 * Grants slots to requests of serving threads that could not take a slot without a message. See
 * `thread_slots.ts`.
 */
export class GrantedSlots {
  readonly counts = new SlotCounts();
  readonly #limiter: ConcurrencyLimiter;
  /** The requests of each thread, by their ids. */
  readonly #requests = new Map<object, Map<number, SlotRequest>>();

  constructor(limits: ConcurrencyLimits, { clock, use }: { readonly clock: Clock; readonly use: SlotUse }) {
    this.#limiter = new ConcurrencyLimiter(limits, clock, { use, runningElsewhere: () => this.counts.fast });
  }

  /** Sets the limits for further requests. */
  configure(limits: ConcurrencyLimits): void {
    this.#limiter.configure(limits);
    this.#count();
  }

  /**
   * Acquires a slot for a request of a thread. Rejects with the fault `overloaded`, or with
   * {@link ClientGone} if the request stopped waiting.
   */
  async acquire(
    thread: object,
    { id, holder }: { readonly id: number; readonly holder: string },
  ): Promise<void> {
    const request: SlotRequest = { cancellation: new Cancellation(), release: undefined };
    let requests = this.#requests.get(thread);
    if (requests === undefined) this.#requests.set(thread, requests = new Map());
    requests.set(id, request);
    try {
      const acquired = this.#limiter.acquire(holder, request.cancellation);
      this.#count();
      // A thread may have released a slot without a message, because it could not yet see that this request
      // waits.
      if (acquired instanceof Promise) this.freed();
      const release = acquired instanceof Promise ? await acquired : acquired;
      if (requests.get(id) !== request) {
        // The request stopped waiting in the same moment in which it got its slot.
        release();
        throw new ClientGone();
      }
      request.release = release;
    } catch (error) {
      requests.delete(id);
      throw error;
    } finally {
      this.#count();
    }
  }

  /** Releases the slot of a request, or stops its wait. */
  release(thread: object, id: number): void {
    const request = this.#requests.get(thread)?.get(id);
    if (request === undefined) return;
    this.#requests.get(thread)?.delete(id);
    this.#end(request);
    this.#count();
  }

  /** Admits waiting requests, because a thread has released a slot that it had taken without a message. */
  freed(): void {
    this.#limiter.readmit();
    this.#count();
  }

  /** Releases all slots of a thread that has ended. */
  threadEnded(thread: object, own: OwnSlots): void {
    const requests = this.#requests.get(thread);
    this.#requests.delete(thread);
    const ended = [...requests?.values() ?? []];
    requests?.clear();
    for (const request of ended) this.#end(request);
    this.counts.release(own.clear());
    this.freed();
  }

  #end({ cancellation, release }: SlotRequest): void {
    if (release === undefined) cancellation.cancel(new ClientGone());
    else release();
  }

  #count(): void {
    const { running: granted, waiting } = this.#limiter;
    this.counts.set({ granted, waiting });
  }
}
