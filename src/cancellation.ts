/** The client left. Not a fault: nobody is there to be told. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/**
 * Ends one exchange from outside: the client's departure, a limit that passed, a shutdown. Lighter than an
 * `AbortSignal`, since every request has one, and one thing at a time is all that can be cancelled.
 */
export class Cancellation {
  #reason: Error | undefined;
  #stop: (() => void) | undefined;
  #finish: (() => void) | undefined;
  #isAsked = false;

  /** Why it was cancelled; undefined while it was not. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Cancels; only the first reason counts. */
  cancel(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#stop?.();
  }

  /** What is to be stopped on cancellation, in place of what was set before; called at once if it has come already. */
  stopWith(stop: (() => void) | undefined): void {
    this.#stop = stop;
    if (this.#reason !== undefined) stop?.();
  }

  /** How it ends by itself when it is asked to, though it would go on for ever; at once where it has been asked. */
  finishWith(finish: () => void): void {
    this.#finish = finish;
    if (this.#isAsked) finish();
  }

  /** Asks what would go on for ever to end properly; everything else ends by itself. */
  askToFinish(): void {
    this.#isAsked = true;
    this.#finish?.();
  }

  /** Throws the reason if it was cancelled. */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }
}
