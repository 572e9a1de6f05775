/** Admits requests within the limits and budgets of their subjects, and keeps what each subject has used. */

import type { BudgetPeriods } from "../config/config.ts";
import { DEFAULT_BUDGET_TIME_ZONE, DEFAULT_BUDGET_WINDOW } from "../config/values/defaults.ts";
import type { Principal, Subject } from "../principal.ts";
import type { Booking } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import { Admission, type AdmissionParts, checkDatabase, type Held } from "./admission.ts";
import { BudgetClock, type ClockEvent } from "./budget_clock.ts";
import type { Balance } from "./ledger.ts";
import { latestOf, Ledgers } from "./ledgers.ts";
import { type CountedLimits, countedLimits, LimitCheck } from "./limit_check.ts";
import { hasLimit } from "./shared/needs_balance.ts";
import type { Replica } from "./shared/replica.ts";
import type { LedgerBalance } from "./shared/shared_limits.ts";

/** What a subject has used. Money is in millionths of a US dollar. */
export interface Spent {
  readonly requests: number;
  readonly dayMicros: number;
  readonly weekMicros: number;
  readonly monthMicros: number;
  readonly totalMicros: number;
}

/** The options of a {@link Limiter}. */
export interface LimiterOptions {
  /** What each subject had used before the start, by the key of the subject. */
  readonly balances?: ReadonlyMap<string, Balance>;
  /** The periods of budgets. Undefined means calendar days, weeks and months in UTC. */
  readonly periods?: BudgetPeriods | undefined;
  /** Called when the clock is wrong or was moved. Earlier spending is then already in its new hour. */
  readonly onClock?: (event: ClockEvent) => void;
  /** The counts that several replicas share. `undefined` if this process counts alone. */
  readonly replica?: Replica | undefined;
  /** Whether requests under a budget must not begin, because the database cannot be reached. */
  readonly isDatabaseLost?: () => boolean;
}

const DEFAULT_PERIODS: BudgetPeriods = {
  timeZone: DEFAULT_BUDGET_TIME_ZONE,
  window: DEFAULT_BUDGET_WINDOW,
};

/** Keeps the counts of all subjects. The counts remain when rules change. */
export class Limiter {
  readonly #parts: AdmissionParts;

  constructor(
    clock: Clock,
    { balances = new Map(), periods, onClock, replica, isDatabaseLost = () => false }: LimiterOptions = {},
  ) {
    const ledgers = new Ledgers(balances);
    const budgetClock = new BudgetClock(clock, {
      latest: latestOf(balances),
      onEvent: (event) => {
        if (event.kind !== "wrong") ledgers.moveSpendingTo(event.hour);
        onClock?.(event);
      },
    });
    const check = new LimitCheck(clock, { budgetClock, periods: periods ?? DEFAULT_PERIODS });
    const known = new WeakMap<readonly Subject[], readonly CountedLimits[]>();
    const countedOf = (subjects: readonly Subject[]) => {
      let counted = known.get(subjects);
      if (counted === undefined) {
        counted = subjects.map((subject) => countedLimits(subject, ledgers.of(subject.key)));
        known.set(subjects, counted);
      }
      return counted;
    };
    this.#parts = { clock, budgetClock, ledgers, check, countedOf, replica, isDatabaseLost };
  }

  /** Sets the periods of budgets. Earlier spending counts in the new periods too. */
  configure(periods: BudgetPeriods | undefined): void {
    this.#parts.check.configure(periods ?? DEFAULT_PERIODS);
  }

  /** Reads the clock, and calls `onClock` if the clock is wrong or was moved. */
  readClock(): void {
    this.#parts.budgetClock.read();
  }

  /**
   * Admits a request of a principal. Throws `rate_limited`, `budget_exceeded`, or `overloaded` while the
   * database is lost, and then counts nothing. A request that is free needs neither tokens nor money.
   */
  admit(
    { subjects }: Pick<Principal, "subjects">,
    { isFree = false }: { isFree?: boolean } = {},
  ): Admission {
    return new Admission(this.#parts, { subjects, isFree });
  }

  /**
   * Throws as {@link admit} does, and counts nothing. It is for a request that is admitted later, so that a
   * rejected request does not hold its body in memory.
   */
  check({ subjects }: Pick<Principal, "subjects">, { isFree }: { isFree: boolean }): undefined {
    const { clock, check, countedOf } = this.#parts;
    const now = clock.now();
    const counted = countedOf(subjects);
    checkDatabase(counted, this.#parts);
    for (const one of counted) {
      check.checkRequests(one, now);
      if (!isFree) check.checkAmounts(one, now);
    }
  }

  /**
   * Counts a further page of a list as a request within the minute. Throws `rate_limited` if the principal
   * may not make another request now, unless the page may exceed the limit.
   */
  countPage({ subjects }: Pick<Principal, "subjects">, { mayExceed }: { mayExceed: boolean }): undefined {
    const { clock, check, countedOf, replica } = this.#parts;
    const now = clock.now();
    const counted = countedOf(subjects);
    if (!mayExceed) { for (const one of counted) check.checkRate(one, now); }
    for (const { ledger } of counted) ledger.requestsThisMinute.add(now, 1);
    if (replica !== undefined && counted.some(hasLimit)) replica.countRequest(counted.map(({ key }) => key));
  }

  /** Reserves money for an object of an earlier or another process, by the id of the object. */
  hold(id: string, held: Pick<Held, "keys" | "micros">): void {
    for (const key of held.keys) this.#parts.ledgers.of(key).reservedMicros += held.micros;
    this.takeOver(id, held);
  }

  /** Assigns to an object the money that {@link Admission.handOver} has reserved. */
  takeOver(id: string, { keys, micros }: Pick<Held, "keys" | "micros">): void {
    this.#parts.replica?.objects.hold({ id, keys, micros });
  }

  /**
   * Releases money that {@link hold} or {@link Admission.handOver} has reserved. `id` is the id of the object
   * that held the money. `undefined` if no object held it.
   */
  release(id: string | undefined, { keys, micros }: Pick<Held, "keys" | "micros">): void {
    for (const key of keys) this.#parts.ledgers.of(key).reservedMicros -= micros;
    if (id !== undefined) this.#parts.replica?.objects.release(id);
  }

  /** Returns the hour in which spending is booked now. */
  bookingOf(modelRules: readonly string[]): Booking {
    const { hour, isDated } = this.#parts.budgetClock.read();
    return { hour, isDated, modelRules };
  }

  /**
   * Counts tokens and money that an object used, such as a background response. Call it before
   * {@link release}. `reservedMicros` is what its request has reserved, perhaps on another replica.
   */
  count(
    id: string,
    { keys, reservedMicros, tokens, micros, booking: { hour, isDated } }: {
      keys: readonly string[];
      reservedMicros: number;
      tokens: number;
      micros: number;
      booking: Booking;
    },
  ): void {
    const { clock, ledgers, replica } = this.#parts;
    const at = clock.now();
    for (const key of keys) {
      const ledger = ledgers.of(key);
      if (tokens > 0) ledger.tokensThisMinute.add(at, tokens);
      if (micros > 0) ledger.spent.add(hour, { micros, isDated });
    }
    replica?.objects.settle({ id, tokens, micros }, { keys, micros: reservedMicros });
  }

  /** Counts money that an object used and that another process has settled. */
  countElsewhere(keys: readonly string[], { micros }: { micros: number }): void {
    const { budgetClock, ledgers, replica } = this.#parts;
    // Replicas get the spending of the other replicas from the database.
    if (replica !== undefined || micros === 0) return;
    const { hour, isDated } = budgetClock.read();
    for (const key of keys) ledgers.of(key).spent.add(hour, { micros, isDated });
  }

  /**
   * Raises the counts of subjects to the amounts in the database, which include the spending of other
   * replicas.
   */
  raise(balances: readonly LedgerBalance[]): void {
    for (const { key, requests, totalMicros, hours } of balances) {
      const ledger = this.#parts.ledgers.of(key);
      ledger.requests = Math.max(ledger.requests, requests);
      ledger.spent.raise({ totalMicros, hours });
    }
  }

  /** What a subject has used, by its key. `undefined` if the subject has never sent a request. */
  spent(key: string): Spent | undefined {
    const { budgetClock, ledgers, check } = this.#parts;
    // Reading the clock may move spending to another hour.
    const { hour } = budgetClock.read();
    const used = ledgers.usedBy(key);
    if (used === undefined) return undefined;
    const { requests, spent } = used;
    const { day, week, month } = check.calendar.spans(hour);
    return {
      requests,
      dayMicros: spent.since(day.from),
      weekMicros: spent.since(week.from),
      monthMicros: spent.since(month.from),
      totalMicros: spent.totalMicros,
    };
  }
}
