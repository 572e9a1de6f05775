import type { LiveEvent } from "./api/parts.ts";

/** Gives events of running exchanges to those who watch: the live page, for example. */
export class LiveFeed {
  /** What ends each listener, by listener. */
  readonly #listeners = new Map<(event: LiveEvent) => void, () => void>();

  /** Whether anything listens. Events need not be made otherwise. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Adds a listener, and gives what removes it. `onEnd` is called when the proxy shuts down. */
  subscribe(listener: (event: LiveEvent) => void, onEnd: () => void): () => void {
    this.#listeners.set(listener, onEnd);
    return () => this.#listeners.delete(listener);
  }

  /** Gives an event to every listener. */
  send(event: LiveEvent): void {
    for (const listener of this.#listeners.keys()) listener(event);
  }

  /** Ends every listener, since the proxy shuts down. */
  end(): void {
    for (const onEnd of this.#listeners.values()) onEnd();
  }
}
