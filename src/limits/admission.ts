/**
 * The admission of one request. It counts the request for its limits, reserves what the request may use, and
 * settles what the request used.
 */

import { ProxyFault } from "../faults.ts";
import type { Subject } from "../principal.ts";
import type { Booking } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import type { BudgetClock } from "./budget_clock.ts";
import type { Ledger, Reservation } from "./ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import { type CountedLimits, excessOf, type LimitCheck } from "./limit_check.ts";
import { limitsOfModels, modelRuleKey } from "./model_rules.ts";
import { hasLimit, needsBalance } from "./shared/needs_balance.ts";
import type { Replica } from "./shared/replica.ts";
import type { SharedHold } from "./shared/shared_hold.ts";

/** A reservation that outlasts its request. */
export interface Held {
  /** The keys of the subjects and of their limits for models. */
  readonly keys: readonly string[];
  /** The keys of the limits for models. */
  readonly modelRules: readonly string[];
  readonly tokens: number;
  readonly micros: number;
}

/** The parts that all admissions of a limiter share. */
export interface AdmissionParts {
  readonly clock: Clock;
  readonly budgetClock: BudgetClock;
  readonly ledgers: Ledgers;
  readonly check: LimitCheck;
  /** The limits of subjects with their counts, the same for all requests of a principal. */
  readonly countedOf: (subjects: readonly Subject[]) => readonly CountedLimits[];
  /** The counts that several replicas share. `undefined` if this process counts alone. */
  readonly replica: Replica | undefined;
  /** Whether requests under a budget must not begin, because the database cannot be reached. */
  readonly isDatabaseLost: () => boolean;
}

/** `retry-after` of a request that is refused because the shared counts or the database cannot be reached. */
const LOST_RETRY_SECONDS = 2;

const NOTHING: Reservation = { tokens: 0, micros: 0 };
const NO_RULES: readonly string[] = [];

/** Throws `overloaded` if a budget counts the request, and its usage may not reach the database. */
export function checkDatabase(
  counted: readonly CountedLimits[],
  { isDatabaseLost }: Pick<AdmissionParts, "isDatabaseLost">,
): void {
  if (!isDatabaseLost() || !counted.some(needsBalance)) return;
  throw new ProxyFault(
    "overloaded",
    "The proxy cannot reach its database, and this token has a budget. Try again soon.",
    { retryAfterSeconds: LOST_RETRY_SECONDS },
  );
}

/** The admission of one request. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #subjects: readonly Subject[];
  readonly #isFree: boolean;
  #counted: readonly CountedLimits[];
  /** The keys of the limits for models. */
  #modelRules: readonly string[] = NO_RULES;
  #reserved: Reservation = NOTHING;
  /** The tokens and the money that earlier attempts of the request have used. */
  #more: Reservation = NOTHING;
  /** The ledgers whose budgets the request may exceed. `undefined` if it exceeds no budget. */
  #optimistic: readonly Ledger[] | undefined;
  #booking: Booking | undefined;
  /**
   * When the request began, and when the limits for models counted it, in milliseconds of the monotonic
   * clock.
   */
  #beganAt: number;
  #modelsAt: number;
  /** What the request holds in shared limits. `undefined` if it holds nothing there. */
  #shared: SharedHold | undefined;

  /**
   * Counts the request for the limits of its subjects. Throws `rate_limited` or `budget_exceeded`, and then
   * counts nothing. A request that is free needs neither tokens nor money.
   */
  constructor(
    parts: AdmissionParts,
    { subjects, isFree }: { subjects: readonly Subject[]; isFree: boolean },
  ) {
    this.#parts = parts;
    this.#subjects = subjects;
    this.#isFree = isFree;
    this.#counted = parts.countedOf(subjects);
    this.#modelsAt = this.#beganAt = this.#begin(this.#counted);
  }

  /**
   * Counts the request for the limits of the models that it names. Throws if one of these limits is reached.
   */
  countModels(models: readonly string[]): void {
    const { ledgers } = this.#parts;
    const further = this.#subjects.flatMap(({ key, what, rules }) =>
      limitsOfModels(rules.modelLimits ?? [], models).map((limits): CountedLimits => {
        const ruleKey = modelRuleKey(key, limits.model);
        return {
          key: ruleKey,
          what,
          scope: ` for models ${limits.model}`,
          limits,
          maxRequests: undefined,
          ledger: ledgers.of(ruleKey),
        };
      })
    );
    this.#modelsAt = this.#begin(further);
    this.#counted = [...this.#counted, ...further];
    this.#modelRules = [...this.#modelRules, ...further.map(({ key }) => key)];
  }

  /**
   * Reserves what the request may use at the time `now`, in milliseconds of the monotonic clock. Throws if
   * other requests have reserved the remainder in the meantime.
   */
  reserve(reservation: Reservation, now: number = this.#parts.clock.now()): void {
    const { check } = this.#parts;
    if (!this.#isFree) { for (const one of this.#counted) check.checkAmounts(one, now); }
    let beyond: CountedLimits[] | undefined;
    for (const one of this.#counted) {
      if (check.mayExceed(one, { reservation, now })) (beyond ??= []).push(one);
    }
    if (beyond !== undefined) { for (const one of beyond) check.checkOptimistic(one); }
    this.#reserved = reservation;
    this.#optimistic = beyond?.map(({ ledger }) => ledger);
    if (this.#optimistic !== undefined) { for (const ledger of this.#optimistic) ledger.optimistic++; }
    for (const { ledger } of this.#counted) {
      ledger.reservedTokens += reservation.tokens;
      ledger.reservedMicros += reservation.micros;
      ledger.excessMicros += excessOf(reservation);
    }
  }

  /**
   * Counts the request for the limits that several replicas share. Call it when models and reservation are
   * known. Returns `undefined` if the request has no such limit. Rejects as {@link reserve} throws, or with
   * `overloaded` if the shared counts cannot be reached; the request then counts for no limit, and need not
   * be settled.
   */
  share(): Promise<void> | undefined {
    const { replica } = this.#parts;
    if (replica === undefined || !this.#counted.some(hasLimit)) return undefined;
    return this.#share(replica);
  }

  async #share(replica: Replica): Promise<void> {
    const { check } = this.#parts;
    const counted = this.#counted;
    const result = await replica.take({
      ledgers: counted,
      reservation: this.#reserved,
      isFree: this.#isFree,
      spansOf: (hour) => check.calendar.spans(hour),
    });
    if (result.kind === "taken") {
      this.#shared = result.held;
      // The exchange ended while this call waited for the answer.
      if (this.#booking !== undefined) result.held.settle({ tokens: 0, micros: 0, hour: this.#booking.hour });
      return;
    }
    this.withdraw();
    const rejecting = result.kind === "rejected" ? counted[result.index] : undefined;
    throw result.kind === "rejected" && rejecting !== undefined
      ? check.faultOf(result.rejection, rejecting)
      : new ProxyFault(
        "overloaded",
        "The proxy cannot reach the server that counts limits, and this token has a budget. Try again soon.",
        { retryAfterSeconds: LOST_RETRY_SECONDS },
      );
  }

  /** Removes the request from all counts. Does nothing if the request is settled. */
  withdraw(): void {
    if (this.#booking !== undefined) return;
    this.settle({ tokens: 0, micros: 0 });
    const subjects = this.#subjects.length;
    for (const [index, { ledger }] of this.#counted.entries()) {
      ledger.requestsThisMinute.remove(index < subjects ? this.#beganAt : this.#modelsAt, 1);
      ledger.requests--;
    }
  }

  /**
   * Adds to the reservation what the request has used already. Never throws, even if it exceeds the budget.
   */
  reserveMore({ tokens, micros }: Reservation): void {
    this.#more = { tokens: this.#more.tokens + tokens, micros: this.#more.micros + micros };
    for (const { ledger } of this.#counted) {
      ledger.reservedTokens += tokens;
      ledger.reservedMicros += micros;
    }
    this.#shared?.more({ tokens, micros });
  }

  /**
   * Keeps the reserved money beyond the end of the request, until the limiter releases it. The reserved
   * tokens count from now on.
   */
  handOver(): Held {
    const { tokens, micros } = this.#reserved;
    const at = this.#parts.clock.now();
    this.#endOptimism();
    for (const { ledger } of this.#counted) {
      ledger.excessMicros -= excessOf(this.#reserved);
      ledger.reservedTokens -= tokens;
      if (tokens > 0) ledger.tokensThisMinute.add(at, tokens);
    }
    this.#shared?.handOver(this.#reserved);
    this.#reserved = NOTHING;
    return { keys: this.#counted.map(({ key }) => key), modelRules: this.#modelRules, tokens, micros };
  }

  /**
   * Replaces the reservation by what the request used, and returns the hour in which the cost is booked. An
   * amount that is `undefined` is unknown, and counts as zero. `endedAt` is in milliseconds of the monotonic
   * clock. Only the first call counts.
   */
  settle(
    { tokens = 0, micros = 0 }: { readonly tokens: number | undefined; readonly micros: number | undefined },
    endedAt: number = this.#parts.clock.now(),
  ): Booking {
    if (this.#booking !== undefined) return this.#booking;
    const { budgetClock } = this.#parts;
    const { hour, isDated } = budgetClock.read(endedAt);
    const hasBudget = this.#counted.some(needsBalance);
    const page = this.#shared?.settle({ tokens, micros, hour });
    this.#booking = {
      hour,
      isDated,
      modelRules: this.#modelRules,
      ...hasBudget && { hasBudget },
      ...page !== undefined && { page },
    };
    this.#endOptimism();
    for (const { ledger } of this.#counted) {
      ledger.running--;
      ledger.excessMicros -= excessOf(this.#reserved);
      ledger.reservedTokens -= this.#reserved.tokens + this.#more.tokens;
      ledger.reservedMicros -= this.#reserved.micros + this.#more.micros;
      if (tokens > 0) ledger.tokensThisMinute.add(endedAt, tokens);
      if (micros > 0) ledger.spent.add(hour, { micros, isDated });
    }
    return this.#booking;
  }

  /**
   * Counts a new request for all limits, and returns when. If one limit is reached, counts it for none and
   * throws.
   */
  #begin(counted: readonly CountedLimits[]): number {
    const { clock, check } = this.#parts;
    const now = clock.now();
    checkDatabase(counted, this.#parts);
    for (const one of counted) {
      check.checkRequests(one, now);
      if (!this.#isFree) check.checkAmounts(one, now);
    }
    for (const { ledger } of counted) {
      ledger.requestsThisMinute.add(now, 1);
      ledger.requests++;
      ledger.running++;
    }
    return now;
  }

  #endOptimism(): void {
    if (this.#optimistic === undefined) return;
    for (const ledger of this.#optimistic) ledger.optimistic--;
    this.#optimistic = undefined;
  }
}
