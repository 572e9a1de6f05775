/** What a replica still has to send of what it holds. */

import { MAX_HOLDINGS } from "./bounded_limits.ts";
import type { Holding } from "./shared_limits.ts";

/**
 * Holdings on their way to shared counts. Changes of this turn of the event loop are one message, before the
 * requests that follow. What is more than a message, and all that a lost server has to learn again, follows
 * piece by piece.
 */
export class HoldingQueue {
  readonly #sendPiece: (holdings: readonly Holding[]) => Promise<void>;
  readonly #changed = new Map<string, Holding>();
  readonly #rest = new Map<string, Holding>();
  #sendingRest: Promise<void> | undefined;

  /**
   * `sendPiece` sends at most {@link MAX_HOLDINGS}. It never rejects, and calls {@link clear} if it fails.
   */
  constructor(sendPiece: (holdings: readonly Holding[]) => Promise<void>) {
    this.#sendPiece = sendPiece;
  }

  /** Sends a change together with others of this turn of the event loop. */
  add(holding: Holding): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.sendChanged());
    this.#rest.delete(holding.id);
    this.#changed.set(holding.id, holding);
  }

  /** Sends holdings piece by piece, the first piece at once. Resolves when all are sent or forgotten. */
  addRest(holdings: Iterable<Holding>): Promise<void> {
    for (const holding of holdings) this.#rest.set(holding.id, holding);
    if (this.#rest.size === 0) return Promise.resolve();
    return this.#sendingRest ??= this.#sendRest();
  }

  /** Sends the changes of this turn now. */
  sendChanged(): void {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    if (changed.length > 0) void this.#sendPiece(changed.slice(0, MAX_HOLDINGS));
    if (changed.length > MAX_HOLDINGS) void this.addRest(changed.slice(MAX_HOLDINGS));
  }

  /** Sends a holding now if it waits, because a message about it follows. */
  sendNow(id: string): void {
    this.sendChanged();
    const holding = this.#rest.get(id);
    if (holding === undefined) return;
    this.#rest.delete(id);
    void this.#sendPiece([holding]);
  }

  /** Forgets all that waits. */
  clear(): void {
    this.#changed.clear();
    this.#rest.clear();
  }

  async #sendRest(): Promise<void> {
    while (this.#rest.size > 0) {
      const piece = [...this.#rest.values().take(MAX_HOLDINGS)];
      for (const { id } of piece) this.#rest.delete(id);
      await this.#sendPiece(piece);
    }
    // In the same turn as the last look, so that nothing stays.
    this.#sendingRest = undefined;
  }
}
