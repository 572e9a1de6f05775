/**
 * Shared counts in the memory of this process. Replicas in one process use them, and tests compare the
 * servers with them.
 */

import type { Clock } from "../../time/clock.ts";
import { hourOf } from "../budget_calendar.ts";
import { budgetLeft, budgetRejection } from "../budget_check.ts";
import { Ledger } from "../ledger.ts";
import { excessOf, requestRejection, tokenRejection } from "../limit_check.ts";
import { MOST_OPTIMISTIC, type Rejection } from "../rejection.ts";
import { SpentHours } from "../spent_hours.ts";
import { needsBalance } from "./needs_balance.ts";
import { MemoryWaits } from "./memory_waits.ts";
import {
  type GuessWait,
  type Holding,
  type LedgerBalance,
  type LimitedLedger,
  type MinuteCount,
  NO_REPLICA,
  type Renewal,
  type RenewalResult,
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  type Settlement,
  type SharedLimits,
  type Take,
  type TakeResult,
  TELLING_MS,
} from "./shared_limits.ts";

interface Kept {
  readonly holding: Holding;
  /** The ledgers whose budgets the holding may exceed. */
  readonly optimistic: readonly Ledger[];
}

/** Shared counts in memory. They begin empty. */
export class MemoryLimits implements SharedLimits {
  readonly #clock: Clock;
  /** When the first replica joined, in milliseconds of the clock. */
  #beganAt = Infinity;
  readonly #waits: MemoryWaits;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #seeded = new Set<string>();
  readonly #kept = new Map<string, Kept>();
  /** When each replica becomes silent unless it renews, in milliseconds of the clock. */
  readonly #deadlines = new Map<string, number>();
  /** When the reservations of each silent replica end, in milliseconds of the clock. */
  readonly #reservedUntil = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#waits = new MemoryWaits(clock);
  }

  take(take: Take): Promise<TakeResult> {
    return Promise.resolve(this.#take(take));
  }

  hold(holdings: readonly Holding[], minute?: MinuteCount): Promise<void> {
    for (const holding of holdings) {
      const { owner, isRunning } = holding;
      const optimistic = this.#remove(holding.id)?.optimistic ?? [];
      const isKnown = owner === NO_REPLICA || this.#deadlines.has(owner);
      this.#add({ holding: { ...holding, isRunning: isRunning && isKnown }, optimistic });
      if (isKnown || this.#reservedUntil.has(owner)) continue;
      this.#reservedUntil.set(owner, this.#clock.now() + RESERVED_MS);
    }
    return minute === undefined ? Promise.resolve() : this.count(minute);
  }

  settle({ id, tokens, micros, hour }: Settlement): Promise<boolean> {
    const kept = this.#remove(id);
    if (kept === undefined) return Promise.resolve(false);
    const now = this.#clock.now();
    for (const key of kept.holding.keys) {
      const { tokensThisMinute, spent } = this.#ledgerOf(key);
      if (tokens > 0) tokensThisMinute.add(now, tokens);
      if (micros > 0) spent.add(hour, { micros, isDated: true });
    }
    return Promise.resolve(true);
  }

  count({ keys, requests, tokens }: MinuteCount): Promise<void> {
    const now = this.#clock.now();
    for (const key of keys) {
      const { requestsThisMinute, tokensThisMinute } = this.#ledgerOf(key);
      if (requests > 0) requestsThisMinute.add(now, requests);
      if (tokens > 0) tokensThisMinute.add(now, tokens);
    }
    return Promise.resolve();
  }

  raise(balances: readonly LedgerBalance[]): Promise<void> {
    const isTelling = this.#tellingMs() > 0;
    for (const { key, requests, totalMicros, hours, isPart } of balances) {
      const ledger = this.#ledgerOf(key);
      ledger.requests = Math.max(ledger.requests, requests);
      ledger.spent.raise({ totalMicros, hours });
      if (isPart !== true && !isTelling) this.#seeded.add(key);
    }
    return Promise.resolve();
  }

  renew({ replica, waitsMark, heldIds }: Renewal): Promise<RenewalResult> {
    const now = this.#clock.now();
    for (const [other, deadline] of [...this.#deadlines]) if (deadline <= now) this.#silence(other);
    for (const [other, until] of [...this.#reservedUntil]) if (until <= now) this.#forget(other);
    const isKnown = this.#deadlines.has(replica);
    if (heldIds !== undefined) this.#release(replica, new Set(heldIds));
    this.#deadlines.set(replica, now + REPLICA_LIFETIME_MS);
    this.#reservedUntil.delete(replica);
    this.#beganAt = Math.min(this.#beganAt, now);
    return Promise.resolve({
      isKnown,
      epochMs: this.#clock.epochMs(),
      ...this.#waits.since(waitsMark),
    });
  }

  leave(replica: string): Promise<void> {
    this.#forget(replica);
    return Promise.resolve();
  }

  guess(group: string, guess: string): Promise<GuessWait> {
    return Promise.resolve(this.#waits.guess(group, guess));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #take(take: Take): TakeResult {
    const epochMs = this.#clock.epochMs();
    const now = this.#clock.now();
    if (!this.#deadlines.has(take.replica)) return { kind: "unknown_replica" };
    if (take.hour !== hourOf(epochMs)) return { kind: "other_hour", epochMs };
    const keys = take.ledgers.filter(needsBalance).map(({ key }) => key);
    const waitMs = this.#tellingMs();
    if (keys.length > 0 && waitMs > 0) return { kind: "telling", waitMs };
    const unseeded = keys.filter((key) => !this.#seeded.has(key));
    if (unseeded.length > 0) return { kind: "unseeded", keys: unseeded };
    const budget = { time: { epochMs, hour: take.hour }, calendar: { spans: () => take.spans } };
    const checked = take.ledgers.map((one) => ({ ...one, ledger: this.#ledgerOf(one.key) }));
    for (const [index, one] of checked.entries()) {
      const rejection = requestRejection(one, now) ??
        (take.isFree ? undefined : tokenRejection(one, now) ?? budgetRejection(one, budget));
      if (rejection !== undefined) return { kind: "rejected", index, rejection };
    }
    const excessMicros = excessOf(take.reservation);
    const { tokens, micros } = take.reservation;
    const beyond = excessMicros === 0
      ? []
      : checked.filter(({ limits, ledger }) =>
        micros + excessMicros + ledger.excessMicros > budgetLeft({ limits, ledger }, budget)
      );
    for (const one of beyond) {
      if (one.ledger.optimistic < MOST_OPTIMISTIC) continue;
      return { kind: "rejected", index: checked.indexOf(one), rejection: OPTIMISTIC };
    }
    for (const { ledger } of checked) {
      ledger.requestsThisMinute.add(now, 1);
      ledger.requests++;
    }
    this.#add({
      holding: {
        id: take.id,
        owner: take.replica,
        keys: take.ledgers.map(keyOf),
        isRunning: true,
        tokens,
        micros,
        excessMicros,
      },
      optimistic: beyond.map(({ ledger }) => ledger),
    });
    return { kind: "taken" };
  }

  #ledgerOf(key: string): Ledger {
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = new Ledger(0, new SpentHours({ totalMicros: 0, hours: [] }));
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  #add(kept: Kept): void {
    this.#change(kept, 1);
    this.#kept.set(kept.holding.id, kept);
  }

  #remove(id: string): Kept | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    this.#change(kept, -1);
    this.#kept.delete(id);
    return kept;
  }

  #change({ holding, optimistic }: Kept, sign: 1 | -1): void {
    for (const key of holding.keys) {
      const ledger = this.#ledgerOf(key);
      if (holding.isRunning) ledger.running += sign;
      ledger.reservedTokens += sign * holding.tokens;
      ledger.reservedMicros += sign * holding.micros;
      ledger.excessMicros += sign * holding.excessMicros;
    }
    for (const ledger of optimistic) ledger.optimistic += sign;
  }

  /**
   * How long replicas may still send what they hold, in milliseconds. Not above 0 when this time has passed.
   */
  #tellingMs(): number {
    return this.#beganAt + TELLING_MS - this.#clock.now();
  }

  /** Frees the slots of a silent replica, and keeps its reservations for {@link RESERVED_MS}. */
  #silence(replica: string): void {
    this.#deadlines.delete(replica);
    this.#reservedUntil.set(replica, this.#clock.now() + RESERVED_MS);
    for (const [id, { holding }] of [...this.#kept]) {
      if (holding.owner !== replica) continue;
      this.#remove(id);
      this.#add({ holding: { ...holding, isRunning: false }, optimistic: [] });
    }
  }

  #forget(replica: string): void {
    if (replica === NO_REPLICA) return;
    this.#deadlines.delete(replica);
    this.#reservedUntil.delete(replica);
    this.#release(replica, new Set());
  }

  #release(replica: string, except: ReadonlySet<string>): void {
    for (const [id, { holding }] of [...this.#kept]) {
      if (holding.owner === replica && !except.has(id)) this.#remove(id);
    }
  }
}

const OPTIMISTIC: Rejection = { kind: "optimistic" };

function keyOf({ key }: LimitedLedger): string {
  return key;
}
