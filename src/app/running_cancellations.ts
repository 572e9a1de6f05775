import type { Cancellation } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { LiveList } from "../live_list.ts";

/** The exchanges that are running. They share the shutdown. */
export class RunningCancellations {
  readonly #cancellations = new LiveList<Cancellation>();

  /** The number of running exchanges. */
  get count(): number {
    return this.#cancellations.size;
  }

  /** Adds an exchange that begins. */
  add(cancellation: Cancellation): void {
    this.#cancellations.add(cancellation);
  }

  /** Removes an exchange that has ended. */
  delete(cancellation: Cancellation): void {
    this.#cancellations.delete(cancellation);
  }

  /** Asks WebSockets to close. Other exchanges go on. */
  drain(): void {
    for (const cancellation of this.#cancellations.all()) cancellation.drain();
  }

  /** Aborts all exchanges. Their responses do not look complete to clients. */
  abortAll(): void {
    const fault = new ProxyFault("draining", "The proxy shut down before the response was complete.");
    for (const cancellation of this.#cancellations.all()) cancellation.cancel(fault);
  }
}
