/** A serving thread, in the form in which the main thread manages it. */

import type { SlotUse } from "../../capacity/concurrency_limiter.ts";
import type { ManagedThreads } from "../../management/threads/managed_threads.ts";
import type { ManagedThreadMethods } from "../../management/threads/methods.ts";
import type { MainMethods, SharedPorts, ThreadConfig, ThreadMethods } from "../../workers/methods.ts";
import { OwnSlots, type SlotCounts } from "../../workers/slot_counts.ts";
import { ThreadPort } from "../../workers/thread_port.ts";

/**
 * The functions of the main thread for a serving thread. The first argument of each function is the thread.
 */
export type ThreadService = {
  readonly [Name in keyof MainMethods]: (
    thread: ServingThread,
    ...args: Parameters<MainMethods[Name]>
  ) => ReturnType<MainMethods[Name]>;
};

/** The parts of the program that a {@link ServingThread} uses. */
export interface ServingThreadParts {
  /** The number of the worker, from 1. */
  readonly number: number;
  readonly startWorker: (name: string) => Worker;
  readonly service: ThreadService;
  readonly slots: Readonly<Record<SlotUse, { readonly counts: SlotCounts }>>;
  /** Called once if the thread ends by itself, with the reason. */
  readonly onEnded: (thread: ServingThread, reason: string) => void;
  readonly onUnexpected: (error: unknown) => void;
  /** Serves the thread for the management plane. `undefined` if it is off. */
  readonly managed: Pick<ManagedThreads, "add" | "state"> | undefined;
}

/** A thread that serves requests, until it fails or is stopped. */
export class ServingThread {
  readonly number: number;
  /** The slots that the thread took without a message. */
  readonly ownSlots: Readonly<Record<SlotUse, OwnSlots>> = {
    "running": new OwnSlots(),
    "sending a body": new OwnSlots(),
  };
  readonly #parts: ServingThreadParts;
  readonly #worker: Worker;
  readonly #port: ThreadPort<ThreadMethods & ManagedThreadMethods>;
  readonly #endManaged: () => void;
  #hasEnded = false;

  /** Starts the thread. It serves nothing until {@link start}. */
  constructor(parts: ServingThreadParts) {
    const { number, startWorker, onUnexpected, managed } = parts;
    this.#parts = parts;
    this.number = number;
    this.#worker = startWorker(`worker ${number}`);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(event.message);
    };
    this.#port = new ThreadPort(this.#worker, { offered: { ...this.#offered() }, onUnexpected });
    const added = managed?.add(this.#port);
    if (added !== undefined) this.#port.offer({ ...added.offered });
    this.#endManaged = added?.end ?? (() => {});
  }

  /**
   * Opens the proxy of the thread. Rejects with the error of `Deno.listen`, or with the reason why the thread
   * ended.
   */
  start(loaded: ThreadConfig, ports: SharedPorts): Promise<{ readonly hostname: string }> {
    const { number: worker, slots, managed } = this.#parts;
    const buffers = (use: SlotUse) => ({
      counts: slots[use].counts.buffer,
      own: this.ownSlots[use].buffer,
    });
    return this.#port.call("start", {
      worker,
      loaded,
      ports,
      slots: { "running": buffers("running"), "sending a body": buffers("sending a body") },
      managementState: managed?.state.buffer,
    });
  }

  /** The functions that the thread offers. A call rejects if the thread has ended. */
  get port(): ThreadPort<ThreadMethods & ManagedThreadMethods> {
    return this.#port;
  }

  /** Ends the thread. Its connections break off. */
  stop(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#worker.terminate();
    this.#port.close("the thread was stopped");
    this.#endManaged();
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#worker.terminate();
    this.#port.close(reason);
    this.#endManaged();
    this.#parts.onEnded(this, reason);
  }

  #offered(): MainMethods {
    const { service } = this.#parts;
    return {
      write: (text) => service.write(this, text),
      guessed: (guess) => service.guessed(this, guess),
      acquireSlot: (use, request) => service.acquireSlot(this, use, request),
      releaseSlot: (use, id) => service.releaseSlot(this, use, id),
      renewed: (tls) => service.renewed(this, tls),
      slotFreed: (use) => service.slotFreed(this, use),
    };
  }
}
