import type { LiveEvent } from "./api/parts.ts";

/** Sends events of running exchanges to its listeners, such as the live page. */
export class LiveFeed {
  /** The `onEnd` of each listener. */
  readonly #listeners = new Map<(event: LiveEvent) => void, () => void>();

  /** Whether there is a listener. Without one, callers need not make events. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Adds a listener. The returned function removes it. `onEnd` is called when the proxy shuts down. */
  subscribe(listener: (event: LiveEvent) => void, onEnd: () => void): () => void {
    this.#listeners.set(listener, onEnd);
    return () => this.#listeners.delete(listener);
  }

  /** Sends an event to all listeners. */
  send(event: LiveEvent): void {
    for (const listener of this.#listeners.keys()) listener(event);
  }

  /** Calls the `onEnd` of all listeners, because the proxy shuts down. */
  end(): void {
    for (const onEnd of this.#listeners.values()) onEnd();
  }
}
