import type { Listed } from "./live_list.ts";

/**
 * The reason of a cancellation because the client has left. It is not a fault, because there is no client to
 * get a response.
 */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Work of an exchange that has to stop when the exchange is cancelled. */
export interface CancellationListener {
  /** Called when the exchange is cancelled, at most once for each `addListener`. */
  readonly cancelled: () => void;
  /** Called when the proxy shuts down. Only work without an end needs it, such as a WebSocket. */
  readonly draining?: () => void;
}

/**
 * Ends one exchange from outside: the client leaves, a timeout passes, or the proxy shuts down. Every request
 * has one, so it has to cost less than an `AbortSignal`: with at most one listener, it allocates one object.
 */
export class Cancellation implements Listed {
  /** The index of the cancellation in the list of running exchanges. `undefined` if it is not in the list. */
  listIndex: number | undefined;
  #reason: Error | undefined;
  #isDraining = false;
  /** The first listener. `undefined` only if there is no listener. */
  #first: CancellationListener | undefined;
  /** The listeners after the first one, in the order in which they were added. Most exchanges have none. */
  #others: CancellationListener[] | undefined;

  /** Why the exchange was cancelled. `undefined` if it was not cancelled. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Whether the proxy shuts down. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Cancels the exchange. Only the first reason counts. Calls the listeners in the order of their addition.
   */
  cancel(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#callNext();
  }

  /**
   * Adds a listener. Its owner has to remove it. If the exchange is already cancelled, calls the listener
   * immediately.
   */
  addListener(listener: CancellationListener): void {
    if (this.#reason !== undefined) listener.cancelled();
    else if (this.#first === undefined) this.#first = listener;
    else (this.#others ??= []).push(listener);
  }

  /** Removes a listener. Does nothing if the listener was not added, or was already called. */
  removeListener(listener: CancellationListener): void {
    if (this.#first === listener) {
      this.#takeFirst();
      return;
    }
    const place = this.#others?.indexOf(listener) ?? -1;
    if (place !== -1) this.#others?.splice(place, 1);
  }

  /**
   * Tells the listeners that the proxy shuts down. Only a WebSocket reacts, and closes. Requests end by
   * themselves.
   */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    const others = this.#others?.slice() ?? [];
    this.#first?.draining?.();
    for (const listener of others) listener.draining?.();
  }

  /** Throws the reason if the exchange was cancelled. */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /**
   * Calls all listeners, even if one of them throws. A listener may remove others, which are then not called.
   */
  #callNext(): void {
    const listener = this.#takeFirst();
    if (listener === undefined) return;
    try {
      listener.cancelled();
    } finally {
      this.#callNext();
    }
  }

  #takeFirst(): CancellationListener | undefined {
    const first = this.#first;
    this.#first = this.#others?.shift();
    return first;
  }
}
