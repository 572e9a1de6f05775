/**
 * What requests of a replica used, until the shared counts have it. A cost is counted by the message that
 * ends its reservation. If that message fails, or the counts have lost the reservation, the cost is held in
 * its place until the database has it and the counts are raised to the database.
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
  /** The id of the replica. */
  readonly id: string;
  /** Whether the shared counts cannot be reached. */
  readonly isAway: () => boolean;
  /** Called if a message failed. */
  readonly onLost: (error: unknown) => void;
  /** Holds the cost of a request before the messages that follow. */
  readonly hold: (holding: Holding) => void;
  /** Raises the counts of ledgers to what the database has from now on. Returns `false` if this fails. */
  readonly raise: (keys: ReadonlySet<string>) => Promise<boolean>;
  /** Whether the spending of one of these ledgers is compared with a limit. */
  readonly needsBalance: (keys: readonly string[]) => boolean;
}

/** What requests of a replica used. */
export class Settlements {
  readonly #parts: SettlementParts;
  /** Settlements without an answer. */
  readonly #sent = new Set<string>();
  /** Costs that the counts lack. */
  readonly #ended: EndedHoldings;
  /** Costs that the counts have, and the database perhaps not: with the counts they would be lost. */
  #unwritten: EndedHoldings;
  /** Those of reads that have not ended. */
  readonly #reading = new Set<EndedHoldings>();
  #isCounting = false;
  #isClosed = false;
  #stop = (): void => {};

  constructor(parts: SettlementParts) {
    this.#parts = parts;
    this.#ended = this.#sums();
    this.#unwritten = this.#sums();
  }

  /** The costs that the counts must hold. */
  held(): Holding[] {
    return this.#ended.all();
  }

  /** The ids of all that is not settled. */
  ids(): string[] {
    return [...this.#sent, ...this.held().map(({ id }) => id)];
  }

  /** Settles a request of these ledgers. */
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

  /** The counts have lost what they had. They must hold what the database may not have. */
  onCountsLost(): void {
    for (const sums of [...this.#reading, this.#unwritten]) this.#ended.addAll(sums);
  }

  /** Reads balances, after which the database has all earlier costs. */
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

  /** Raises the counts by the costs that they hold, then releases these. Never rejects. */
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

  /** Raises no more counts. */
  close(): void {
    this.#isClosed = true;
  }

  /** Its money is counted already. Its tokens count from now on. */
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
