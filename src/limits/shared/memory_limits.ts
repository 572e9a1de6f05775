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
import { needsBalance } from "./needs_balance.ts";
import { MemoryWaits } from "./memory_waits.ts";
import { PagedSpending } from "./paged_spending.ts";
import {
  type Cost,
  type GuessWait,
  type Holding,
  type LimitedLedger,
  type MinuteCount,
  NO_REPLICA,
  type Raise,
  type Renewal,
  type RenewalResult,
  REPLICA_LIFETIME_MS,
  RESERVED_MS,
  type Sender,
  type Settlement,
  type SharedLimits,
  type Take,
  type TakeResult,
  TELLING_MS,
  type Told,
  UNTOLD_MS,
} from "./shared_limits.ts";

interface Kept {
  readonly holding: Holding;
  /** The ledgers whose budgets the holding may exceed. */
  readonly optimistic: readonly Ledger[];
  /** When the holding was last told, in milliseconds of the clock. */
  readonly toldAt: number;
}

/** Shared counts in memory. They begin empty. */
export class MemoryLimits implements SharedLimits {
  readonly #clock: Clock;
  /** When the first replica joined, in milliseconds of the clock. */
  #beganAt = Infinity;
  readonly #waits: MemoryWaits;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #spending = new Map<string, PagedSpending>();
  readonly #seeded = new Set<string>();
  readonly #kept = new Map<string, Kept>();
  /** The session of each replica. */
  readonly #sessions = new Map<string, number>();
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

  hold({ from, holdings, costs }: Told): Promise<void> {
    this.#addCosts(from, costs);
    if (!this.#enter(from)) return Promise.resolve();
    for (const holding of holdings) {
      const { owner, isRunning } = holding;
      const optimistic = this.#remove(holding.id)?.optimistic ?? [];
      const isKnown = owner === NO_REPLICA || this.#deadlines.has(owner);
      const toldAt = this.#clock.now();
      this.#add({ holding: { ...holding, isRunning: isRunning && isKnown }, optimistic, toldAt });
      if (isKnown || this.#reservedUntil.has(owner)) continue;
      this.#reservedUntil.set(owner, this.#clock.now() + RESERVED_MS);
    }
    return Promise.resolve();
  }

  settle({ from, id, tokens, costs }: Settlement): Promise<boolean> {
    this.#addCosts(from, costs);
    const kept = this.#remove(id);
    if (kept === undefined) return Promise.resolve(false);
    const now = this.#clock.now();
    for (const key of kept.holding.keys) {
      if (tokens > 0) this.#ledgerOf(key).tokensThisMinute.add(now, tokens);
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

  raise({ from, balances, pages }: Raise): Promise<void> {
    const mayComplete = this.#tellingMs() <= 0 && this.#isKnown(from);
    // Others send no late costs.
    const keeps = (replica: string) => this.#deadlines.has(replica) || this.#reservedUntil.has(replica);
    for (const balance of balances) {
      const { key, requests, isPart } = balance;
      const ledger = this.#ledgerOf(key);
      ledger.requests = Math.max(ledger.requests, requests);
      this.#spendingOf(key).raise(balance, pages, keeps);
      if (isPart !== true && mayComplete) this.#seeded.add(key);
    }
    return Promise.resolve();
  }

  renew({ from, waitsMark, heldIds }: Renewal): Promise<RenewalResult> {
    const now = this.#clock.now();
    for (const [other, deadline] of [...this.#deadlines]) if (deadline <= now) this.#silence(other);
    for (const [other, until] of [...this.#reservedUntil]) if (until <= now) this.#forget(other);
    const isKnown = this.#isKnown(from);
    if (isKnown) this.#removeUntold(now);
    if (this.#enter(from)) {
      const { replica } = from;
      if (heldIds !== undefined) this.#release(replica, new Set(heldIds));
      this.#deadlines.set(replica, now + REPLICA_LIFETIME_MS);
      this.#reservedUntil.delete(replica);
      this.#beganAt = Math.min(this.#beganAt, now);
    }
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
    if (!this.#isKnown(take.from)) return { kind: "unknown_replica" };
    if (take.hour !== hourOf(epochMs)) return { kind: "other_hour", epochMs };
    // A message that arrives twice counts once.
    if (this.#kept.has(take.id)) return { kind: "taken" };
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
        owner: take.from.replica,
        keys: take.ledgers.map(keyOf),
        isRunning: true,
        tokens,
        micros,
        excessMicros,
      },
      optimistic: beyond.map(({ ledger }) => ledger),
      toldAt: now,
    });
    return { kind: "taken" };
  }

  /** Whether the session of a replica is the present one. */
  #isKnown({ replica, session }: Sender): boolean {
    return this.#deadlines.has(replica) && this.#sessions.get(replica) === session;
  }

  /**
   * Begins a session, if it is a later one. Returns `false` if it is an earlier one. A replica that is not
   * known is silent.
   */
  #enter({ replica, session }: Sender): boolean {
    if (!this.#deadlines.has(replica) && !this.#reservedUntil.has(replica)) {
      this.#reservedUntil.set(replica, this.#clock.now() + RESERVED_MS);
    }
    const present = this.#sessions.get(replica) ?? 0;
    this.#sessions.set(replica, Math.max(present, session));
    return session >= present;
  }

  #addCosts({ replica }: Sender, costs: readonly Cost[]): void {
    const isThere = this.#deadlines.has(replica) || this.#reservedUntil.has(replica);
    for (const cost of costs) {
      const isAdded = this.#spendingOf(cost.key).add(replica, cost);
      // The balance may have it already, and nothing knows its page any more. So the balance is read again.
      if (isAdded && !isThere) this.#seeded.delete(cost.key);
    }
  }

  #ledgerOf(key: string): Ledger {
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = new Ledger(0, this.#spendingOf(key).spent);
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  #spendingOf(key: string): PagedSpending {
    let spending = this.#spending.get(key);
    if (spending === undefined) {
      spending = new PagedSpending();
      this.#spending.set(key, spending);
    }
    return spending;
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
    for (const [id, { holding, toldAt }] of [...this.#kept]) {
      if (holding.owner !== replica) continue;
      this.#remove(id);
      this.#add({ holding: { ...holding, isRunning: false }, optimistic: [], toldAt });
    }
  }

  /**
   * Ends the reservations of no replica that no replica has told for {@link UNTOLD_MS}. A replica that has
   * just become silent may tell some again.
   */
  #removeUntold(now: number): void {
    const silentSince = now - TELLING_MS;
    for (const until of this.#reservedUntil.values()) if (until - RESERVED_MS > silentSince) return;
    for (const [id, { holding, toldAt }] of [...this.#kept]) {
      if (holding.owner === NO_REPLICA && toldAt < now - UNTOLD_MS) this.#remove(id);
    }
  }

  #forget(replica: string): void {
    if (replica === NO_REPLICA) return;
    this.#deadlines.delete(replica);
    this.#reservedUntil.delete(replica);
    this.#sessions.delete(replica);
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
