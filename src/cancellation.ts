/** The client has left. It is not a fault, because no client is there to get a response. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/**
 * Ends one exchange from outside: the client leaves, a timeout passes, or the proxy shuts down. It costs less
 * than an `AbortSignal`, because every request has one, and it has at most one listener for each event.
 */
export class Cancellation {
  #reason: Error | undefined;
  #cancelled: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #isDraining = false;

  /** Why the exchange was cancelled. Undefined: it was not cancelled. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Cancels the exchange. Only the first reason counts. */
  cancel(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#cancelled?.();
  }

  /**
   * Sets the only listener; it replaces the earlier one. Called at once if the exchange is already cancelled.
   */
  onCancel(listener: (() => void) | undefined): void {
    this.#cancelled = listener;
    if (this.#reason !== undefined) listener?.();
  }

  /**
   * Sets the listener that ends an exchange without an end, such as a WebSocket. Calls it at once while
   * draining.
   */
  onDrain(listener: () => void): void {
    this.#drained = listener;
    if (this.#isDraining) listener();
  }

  /** Asks a WebSocket to close properly. Requests end by themselves. */
  drain(): void {
    this.#isDraining = true;
    this.#drained?.();
  }

  /** Throws the reason if the exchange was cancelled. */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }
}
