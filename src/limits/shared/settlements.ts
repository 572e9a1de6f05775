/**
 * The usage of ended requests of a replica, until the shared counts have it. A message replaces the
 * reservation of a request by its cost. If that message fails, or if the counts have lost the reservation,
 * the replica holds the cost instead. It does so until the database has the cost and the counts are raised to
 * the database.
 */

import type { Clock } from "../../time/clock.ts";
import { hourOf } from "../budget_calendar.ts";
import { RAISE_SOON_MS } from "./balance_raiser.ts";
import { EndedHoldings } from "./ended_holdings.ts";
import type { Holding, LedgerBalance, Settlement, SharedLimits } from "./shared_limits.ts";

/** What {@link Settlements} need of their replica. */
export interface SettlementParts {
  readonly limits: Pick<SharedLimits, "settle">;
  readonly clock: Clock;
  /** The id of the replica, which owns the costs that wait to be counted. */
  readonly id: string;
  /** Whether the shared counts cannot be reached. */
  readonly isAway: () => boolean;
  /** Called if a message failed. */
  readonly onLost: (error: unknown) => void;
  /** Holds the cost of an ended request in the shared counts, before later messages. */
  readonly hold: (holding: Holding) => void;
  /**
   * Raises the counts of ledgers to the spending in the database, which is read after the call. Returns
   * `false` if this fails.
   */
  readonly raise: (keys: ReadonlySet<string>) => Promise<boolean>;
  /** Whether the spending of one of these ledgers is compared with a limit. */
  readonly needsBalance: (keys: readonly string[]) => boolean;
}

/**
 * Replaces the reservations of ended requests by their costs, and keeps the costs that are not counted yet.
 */
export class Settlements {
  readonly #parts: SettlementParts;
  /** The ids of settlements that wait for an answer. */
  readonly #sent = new Set<string>();
  /** Costs that the shared counts do not have. */
  readonly #ended: EndedHoldings;
  /**
   * Costs that the shared counts have, but the database perhaps does not. They must be added again if the
   * counts are lost.
   */
  #unwritten: EndedHoldings;
  /** The unwritten costs of reads of the database that have not ended. */
  readonly #reading = new Set<EndedHoldings>();
  #isCounting = false;
  #isClosed = false;
  #stop = (): void => {};

  constructor(parts: SettlementParts) {
    this.#parts = parts;
    this.#ended = this.#sums();
    this.#unwritten = this.#sums();
  }

  /** Returns the costs that the shared counts must hold. */
  held(): Holding[] {
    return this.#ended.all();
  }

  /** Returns the ids of all settlements and costs that the shared counts may still hold. */
  ids(): string[] {
    return [...this.#sent, ...this.held().map(({ id }) => id)];
  }

  /** Replaces the holding of a request by its usage. `keys` are the ledgers of the request. */
  async settle(keys: readonly string[], settlement: Settlement): Promise<void> {
    const { limits, isAway, onLost, hold, needsBalance } = this.#parts;
    if (isAway()) return void this.#ended.add(keys, settlement);
    this.#sent.add(settlement.id);
    let isKnown: boolean;
    try {
      isKnown = await limits.settle(settlement);
    } catch (error) {
      this.#ended.add(keys, settlement);
      return onLost(error);
    } finally {
      this.#sent.delete(settlement.id);
    }
    const { tokens, micros } = settlement;
    if (isKnown) {
      if (micros > 0 && needsBalance(keys)) this.#unwritten.add(keys, { tokens: 0, micros });
    } else if (tokens > 0 || micros > 0) {
      const holding = this.#ended.add(keys, settlement);
      if (!isAway()) hold(holding);
      void this.count();
    }
  }

  /** Adds the cost of an object that ended while the counts could not be reached. */
  add(keys: readonly string[], settlement: Settlement): void {
    this.#ended.add(keys, settlement);
  }

  /**
   * Call it if the shared counts have lost their state. The counts then must hold all costs that the database
   * may not have.
   */
  onCountsLost(): void {
    for (const sums of [...this.#reading, this.#unwritten]) this.#ended.addAll(sums);
  }

  /** Reads balances with `read`. When it succeeds, the database has all costs that were known at the call. */
  async read(read: () => Promise<readonly LedgerBalance[]>): Promise<readonly LedgerBalance[]> {
    const sums = this.#unwritten;
    this.#unwritten = this.#sums();
    this.#reading.add(sums);
    try {
      return await read();
    } catch (error) {
      this.#unwritten.addAll(sums);
      throw error;
    } finally {
      this.#reading.delete(sums);
    }
  }

  /**
   * Raises the shared counts by the costs that they hold, and then releases these holdings. Never rejects.
   */
  async count(): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    const { isAway, raise, clock } = this.#parts;
    while (!this.#ended.isEmpty && !isAway() && !this.#isClosed) {
      const sums = this.#ended.close();
      if (!await raise(new Set(sums.flatMap(({ keys }) => keys)))) {
        this.#stop();
        this.#stop = clock.after(RAISE_SOON_MS, () => void this.count());
        break;
      }
      for (const sum of sums) {
        this.#ended.delete(sum.id);
        if (!isAway()) void this.#release(sum);
      }
    }
    this.#isCounting = false;
  }

  /** Raises no more counts from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Releases a sum. Its money is counted already, and its tokens count as used from now on. */
  async #release({ id, tokens }: Holding): Promise<void> {
    const { limits, clock, onLost } = this.#parts;
    try {
      await limits.settle({ id, tokens, micros: 0, hour: hourOf(clock.epochMs()) });
    } catch (error) {
      onLost(error);
    }
  }

  #sums(): EndedHoldings {
    return new EndedHoldings(this.#parts.id, this.#parts.clock.now);
  }
}
