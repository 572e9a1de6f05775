/**
 * The admission of one request. It counts the request for its limits, reserves what the request may use, and settles
 * what the request used.
 */

import type { Subject } from "../principal.ts";
import type { Booking } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import type { BudgetClock } from "./budget_clock.ts";
import type { Ledger, Reservation } from "./ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import { checkOptimistic, type CountedLimits, excessOf, type LimitCheck } from "./limit_check.ts";
import { limitsOfModels, modelRuleKey } from "./model_rules.ts";

/** A reservation that outlasts its request. */
export interface Held {
  /** The keys of the subjects and of their limits for models. */
  readonly keys: readonly string[];
  /** The keys of the limits for models. */
  readonly modelRules: readonly string[];
  readonly tokens: number;
  readonly micros: number;
}

/** What all admissions share. */
export interface AdmissionParts {
  readonly clock: Clock;
  readonly budgetClock: BudgetClock;
  readonly ledgers: Ledgers;
  readonly check: LimitCheck;
  /** The limits of subjects with their counts, the same for all requests of a principal. */
  readonly countedOf: (subjects: readonly Subject[]) => readonly CountedLimits[];
}

const NOTHING: Reservation = { tokens: 0, micros: 0 };
const NO_RULES: readonly string[] = [];

/** The admission of one request. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #subjects: readonly Subject[];
  readonly #isFree: boolean;
  #counted: readonly CountedLimits[];
  /** The keys of the limits for models. */
  #modelRules: readonly string[] = NO_RULES;
  #reserved: Reservation = NOTHING;
  /** What earlier attempts of the request have used. */
  #more: Reservation = NOTHING;
  /** The ledgers whose budgets the request may exceed. `undefined` if it exceeds no budget. */
  #optimistic: readonly Ledger[] | undefined;
  #booking: Booking | undefined;

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
    this.#begin(this.#counted);
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
    this.#begin(further);
    this.#counted = [...this.#counted, ...further];
    this.#modelRules = [...this.#modelRules, ...further.map(({ key }) => key)];
  }

  /**
   * Reserves what the request may use at the time `now`, in milliseconds of the monotonic clock. Throws if other
   * requests have reserved the remainder in the meantime.
   */
  reserve(reservation: Reservation, now: number = this.#parts.clock.now()): void {
    const { check } = this.#parts;
    if (!this.#isFree) { for (const one of this.#counted) check.checkAmounts(one, now); }
    let beyond: CountedLimits[] | undefined;
    for (const one of this.#counted) {
      if (check.mayExceed(one, { reservation, now })) (beyond ??= []).push(one);
    }
    if (beyond !== undefined) { for (const one of beyond) checkOptimistic(one); }
    this.#reserved = reservation;
    this.#optimistic = beyond?.map(({ ledger }) => ledger);
    if (this.#optimistic !== undefined) { for (const ledger of this.#optimistic) ledger.optimistic++; }
    for (const { ledger } of this.#counted) {
      ledger.reservedTokens += reservation.tokens;
      ledger.reservedMicros += reservation.micros;
      ledger.excessMicros += excessOf(reservation);
    }
  }

  /** The request is counted already. */
  taken(): undefined {
    return undefined;
  }

  /** Adds to the reservation what the request has used already. Never throws, even if it exceeds the budget. */
  reserveMore({ tokens, micros }: Reservation): void {
    this.#more = { tokens: this.#more.tokens + tokens, micros: this.#more.micros + micros };
    for (const { ledger } of this.#counted) {
      ledger.reservedTokens += tokens;
      ledger.reservedMicros += micros;
    }
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
    this.#reserved = NOTHING;
    return { keys: this.#counted.map(({ key }) => key), modelRules: this.#modelRules, tokens, micros };
  }

  /**
   * Replaces the reservation by what the request used, and returns where that is booked. Undefined amounts
   * are unknown and count as nothing. `endedAt` is in milliseconds of the monotonic clock. Only the first call counts.
   */
  settle(
    { tokens = 0, micros = 0 }: { readonly tokens: number | undefined; readonly micros: number | undefined },
    endedAt: number = this.#parts.clock.now(),
  ): Booking {
    if (this.#booking !== undefined) return this.#booking;
    const { budgetClock } = this.#parts;
    const { hour, isDated } = budgetClock.read(endedAt);
    this.#booking = { hour, isDated, modelRules: this.#modelRules };
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

  /** Counts a new request for all limits. If one limit is reached, counts it for none and throws. */
  #begin(counted: readonly CountedLimits[]): void {
    const { clock, check } = this.#parts;
    const now = clock.now();
    for (const one of counted) {
      check.checkRequests(one, now);
      if (!this.#isFree) check.checkAmounts(one, now);
    }
    for (const { ledger } of counted) {
      ledger.requestsThisMinute.add(now, 1);
      ledger.requests++;
      ledger.running++;
    }
  }

  #endOptimism(): void {
    if (this.#optimistic === undefined) return;
    for (const ledger of this.#optimistic) ledger.optimistic--;
    this.#optimistic = undefined;
  }
}
