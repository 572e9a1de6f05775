/**
 * The reservations of objects, such as background responses, in the counts that replicas share. They belong
 * to no replica: all replicas hold the same objects.
 */

import type { Clock } from "../../time/clock.ts";
import type { BalanceRaiser } from "./balance_raiser.ts";
import { RAISE_SOON_MS } from "./balance_raiser.ts";
import type { HoldingQueue } from "./holding_queue.ts";
import type { Used } from "./settlements.ts";
import { type Holding, NO_REPLICA, type Sender, type SharedLimits, TELL_AGAIN_MS } from "./shared_limits.ts";

/** What {@link ObjectHoldings} need of their replica. */
export interface ObjectParts {
  readonly limits: Pick<SharedLimits, "settle">;
  readonly clock: Clock;
  readonly queue: Pick<HoldingQueue, "add" | "addRest" | "sendNow">;
  readonly raiser: Pick<BalanceRaiser, "isUsed" | "seed">;
  /** The replica in its present session. */
  readonly from: () => Sender;
  /** Whether the shared counts cannot be reached, or the replica has ended. */
  readonly isAway: () => boolean;
  /** Waits for a message that no request waits for, and handles its failure. */
  readonly send: (sent: Promise<unknown>) => Promise<void>;
}

/** An object whose reservation ends as soon as the counts have its cost. */
interface EndedObject {
  readonly keys: readonly string[];
  readonly tokens: number;
  /** Whether the counts may lack its cost. */
  readonly hasCost: boolean;
}

/** The objects that have not ended, and those that the shared counts may still have. */
export class ObjectHoldings {
  readonly #parts: ObjectParts;
  readonly #held = new Map<string, Holding>();
  /** Objects that have ended, and whose reservations the shared counts may still have. */
  readonly #ended = new Map<string, EndedObject>();
  /** Whether {@link releaseEnded} runs soon. */
  #isReleasingSoon = false;
  /** When all holdings were last told, in milliseconds of the clock. */
  #toldAt: number;

  constructor(parts: ObjectParts) {
    this.#parts = parts;
    this.#toldAt = parts.clock.now();
  }

  /** The holdings of the objects that have not ended. */
  held(): Iterable<Holding> {
    return this.#held.values();
  }

  /** Reserves money for an object. */
  hold({ id: name, keys, micros }: Pick<Holding, "id" | "keys" | "micros">): void {
    const { queue, isAway } = this.#parts;
    const id = objectId(name);
    const holding = { id, owner: NO_REPLICA, keys, isRunning: false, tokens: 0, micros, excessMicros: 0 };
    this.#held.set(id, holding);
    this.#ended.delete(id);
    if (!isAway()) queue.add(holding);
  }

  /**
   * Releases the reservation of an object, whose cost the database has. `held` is what its request has
   * reserved, perhaps on another replica. Only the first settlement of all replicas counts tokens.
   */
  settle({ id: name, tokens, micros }: Omit<Used, "hour">, held: Pick<Holding, "keys" | "micros">): void {
    const id = objectId(name);
    if (!this.#held.has(id)) this.hold({ id: name, ...held });
    this.#end(id, { keys: held.keys, tokens, hasCost: micros > 0 });
  }

  /**
   * Releases the reservation of an object. If another replica has settled it, the database has its cost, and
   * that replica may have been killed before the counts got it.
   */
  release(name: string): void {
    const id = objectId(name);
    const held = this.#held.get(id);
    if (held !== undefined) this.#end(id, { keys: held.keys, tokens: 0, hasCost: held.micros > 0 });
  }

  /** Tells the holdings again every {@link TELL_AGAIN_MS}, so that the counts keep them. */
  keep(): void {
    const { clock, queue } = this.#parts;
    const now = clock.now();
    if (now - this.#toldAt < TELL_AGAIN_MS) return;
    this.#toldAt = now;
    void queue.addRest(this.#held.values());
  }

  /** Releases the reservations of the objects that have ended, once the counts have their costs. */
  releaseEnded(): void {
    for (const [id, ended] of this.#ended) void this.#release(id, ended, { isSoon: true });
  }

  /**
   * Releases the reservations of all objects that have ended, because the replica ends. No other replica may
   * know of them.
   */
  async close(): Promise<void> {
    const { raiser, isAway } = this.#parts;
    const ended = [...this.#ended];
    const keys = ended.flatMap(([, { keys, hasCost }]) => hasCost ? keys : []);
    if (isAway() || ended.length === 0) return;
    if (keys.length > 0) await raiser.seed(keys);
    await Promise.all(ended.map(([id, { tokens }]) => this.#settle(id, tokens)));
  }

  #end(id: string, ended: EndedObject): void {
    this.#held.delete(id);
    this.#ended.set(id, ended);
    void this.#release(id, ended);
  }

  /**
   * Releases the reservation of an object once the counts have its cost from the database. If no request has
   * used its ledgers here, they may have a balance that other replicas use. Many such objects share a read of
   * the database, which is soon.
   */
  async #release(id: string, ended: EndedObject, { isSoon = false } = {}): Promise<void> {
    const { raiser, isAway } = this.#parts;
    if (isAway()) return;
    const { keys, tokens, hasCost } = ended;
    if (hasCost) {
      const isKnown = isSoon || raiser.isUsed(keys);
      if (!isKnown || !await raiser.seed(keys)) return this.#releaseSoon();
    }
    if (this.#ended.get(id) === ended) await this.#settle(id, tokens);
  }

  #releaseSoon(): void {
    if (this.#isReleasingSoon) return;
    this.#isReleasingSoon = true;
    this.#parts.clock.after(RAISE_SOON_MS, () => {
      this.#isReleasingSoon = false;
      this.releaseEnded();
    });
  }

  async #settle(id: string, tokens: number): Promise<void> {
    const { limits, queue, from, isAway, send } = this.#parts;
    const ended = this.#ended.get(id);
    if (isAway() || ended === undefined) return;
    queue.sendNow(id);
    await send(
      limits.settle({ from: from(), id, tokens, costs: [] }).then(() => {
        if (this.#ended.get(id) === ended) this.#ended.delete(id);
      }),
    );
  }
}

/**
 * Returns the id for the holding of an object. The ids of providers may have any characters, and the id of a
 * request never has this form.
 */
function objectId(name: string): string {
  return `object ${name.toWellFormed().replaceAll("\0", " ")}`;
}
