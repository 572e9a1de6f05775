/** The holdings of a replica that it has not yet sent to the shared counts. */

import { MAX_HOLDINGS } from "./bounded_limits.ts";
import type { Holding } from "./shared_limits.ts";

/**
 * Sends holdings to shared counts. All changes of one turn of the event loop go into one message, before the
 * requests that follow. The holdings beyond {@link MAX_HOLDINGS}, and those that a server has lost, follow in
 * pieces.
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

  /** Sends a changed holding, in one message with the other changes of this turn of the event loop. */
  add(holding: Holding): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.sendChanged());
    this.#rest.delete(holding.id);
    this.#changed.set(holding.id, holding);
  }

  /** Sends holdings in pieces, the first piece at once. Resolves when all holdings are sent or dropped. */
  addRest(holdings: Iterable<Holding>): Promise<void> {
    for (const holding of holdings) this.#rest.set(holding.id, holding);
    if (this.#rest.size === 0) return Promise.resolve();
    return this.#sendingRest ??= this.#sendRest();
  }

  /** Sends the changes of this turn of the event loop now. */
  sendChanged(): void {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    if (changed.length > 0) void this.#sendPiece(changed.slice(0, MAX_HOLDINGS));
    if (changed.length > MAX_HOLDINGS) void this.addRest(changed.slice(MAX_HOLDINGS));
  }

  /** Sends a holding now if it waits in the queue, because a message about it follows. */
  sendNow(id: string): void {
    this.sendChanged();
    const holding = this.#rest.get(id);
    if (holding === undefined) return;
    this.#rest.delete(id);
    void this.#sendPiece([holding]);
  }

  /** Drops all holdings that wait to be sent. */
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
    // This line runs in the same turn as the last check of `#rest`, so no holding can stay in it.
    this.#sendingRest = undefined;
  }
}
