/** Admits requests within the limits and budgets of their subjects, and settles what each request used. */

import type { Booking } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import { DEFAULT_BUDGET_TIME_ZONE, DEFAULT_BUDGET_WINDOW } from "../config/values/defaults.ts";
import type { BudgetPeriods } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Limits, Principal } from "../principal.ts";
import { BudgetCalendar } from "./budget_calendar.ts";
import { budgetFault, budgetLeft, retryOf } from "./budget_check.ts";
import { BudgetClock, type ClockEvent } from "./budget_clock.ts";
import { type Balance, Ledger, type OpeningBalance, openingBalances, type Reservation } from "./ledger.ts";
import { hasBudget, limitsOfModels, modelRuleKey } from "./model_rules.ts";
import { SpentHours } from "./spent_hours.ts";

/** The admission of one request. */
export interface Admission {
  /**
   * Counts the request for the limits of the models that it names. Throws if one of these limits is reached.
   */
  readonly countModels: (models: readonly string[]) => void;
  /**
   * Reserves what the request may use. Throws if other requests have reserved the remainder in the meantime.
   */
  readonly reserve: (reservation: Reservation) => void;
  /** Adds to the reservation what the request has used already. Never throws, even beyond the remainder. */
  readonly reserveMore: (reservation: Reservation) => void;
  /**
   * Keeps the reserved money beyond the end of the request, until {@link Limiter.release}. The reserved
   * tokens count from now on.
   */
  readonly handOver: () => Held;
  /**
   * Replaces the reservation by what the request used, and returns where that is booked. Undefined amounts
   * are unknown and count as nothing. Only the first call counts.
   */
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => Booking;
}

/** A reservation that outlasts its request. */
export interface Held {
  /** The keys of the subjects and of their limits for models. */
  readonly keys: readonly string[];
  /** The keys of the limits for models. */
  readonly modelRules: readonly string[];
  readonly tokens: number;
  readonly micros: number;
}

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
  /** Called when the clock was found wrong or moved. Earlier spending has its new hour by then. */
  readonly onClock?: (event: ClockEvent) => void;
}

/** The limits that one request counts for, with their counts. */
interface CountedLimits {
  /** The key of the ledger. */
  readonly key: string;
  /** What the limits belong to, as messages name it: `token`, `project`. */
  readonly what: string;
  /** The end of messages: the requests that count, like ` for models gpt-5*`. */
  readonly scope: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
  readonly ledger: Ledger;
}

const DEFAULT_PERIODS: BudgetPeriods = {
  timeZone: DEFAULT_BUDGET_TIME_ZONE,
  window: DEFAULT_BUDGET_WINDOW,
};
/** `retry-after` if running requests use up a limit. A running request may end at any moment. */
const CONCURRENT_RETRY_MS = 1_000;

/**
 * How many requests of a subject may run with a reservation of their expected cost while the budget does not
 * cover their highest cost. So only this many requests, each with its highest cost, can exceed a budget.
 */
const MOST_OPTIMISTIC = 4;

/** Keeps the counts of all subjects. The counts remain when rules change. */
export class Limiter {
  readonly #clock: Clock;
  readonly #budgetClock: BudgetClock;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #balances: Map<string, OpeningBalance>;
  #calendar: BudgetCalendar;

  constructor(clock: Clock, { balances = new Map(), periods, onClock }: LimiterOptions = {}) {
    this.#clock = clock;
    this.#balances = openingBalances(balances);
    this.#calendar = new BudgetCalendar(periods ?? DEFAULT_PERIODS);
    this.#budgetClock = new BudgetClock(clock, {
      latest: latestOf(balances),
      onEvent: (event) => {
        if (event.kind !== "wrong") this.#moveSpendingTo(event.hour);
        onClock?.(event);
      },
    });
  }

  /** Sets the periods of budgets. Earlier spending counts in the new periods too. */
  configure(periods: BudgetPeriods | undefined): void {
    this.#calendar = new BudgetCalendar(periods ?? DEFAULT_PERIODS);
  }

  /** Reads the clock, and calls `onClock` if the clock is wrong or was moved. */
  readClock(): void {
    this.#budgetClock.read();
  }

  /**
   * Admits a request of a principal. Throws `rate_limited` or `budget_exceeded`, and then counts nothing. A
   * request that is free needs neither tokens nor money.
   */
  admit({ subjects }: Principal, { isFree = false }: { isFree?: boolean } = {}): Admission {
    const counted: CountedLimits[] = subjects.map(({ key, what, rules }) => ({
      key,
      what,
      scope: "",
      limits: rules,
      maxRequests: rules.maxRequests,
      ledger: this.#ledgerOf(key),
    }));
    const modelRules: string[] = [];
    this.#begin(counted, isFree);
    let reserved: Reservation = { tokens: 0, micros: 0 };
    /** The ledgers whose budgets the request may exceed. */
    let optimistic: Ledger[] = [];
    /** What earlier attempts of the request have used. */
    let more: Reservation = { tokens: 0, micros: 0 };
    let booking: Booking | undefined;
    return {
      countModels: (models) => {
        const further = subjects.flatMap(({ key, what, rules }) =>
          limitsOfModels(rules.modelLimits ?? [], models).map((limits): CountedLimits => {
            const ruleKey = modelRuleKey(key, limits.model);
            return {
              key: ruleKey,
              what,
              scope: ` for models ${limits.model}`,
              limits,
              maxRequests: undefined,
              ledger: this.#ledgerOf(ruleKey),
            };
          })
        );
        this.#begin(further, isFree);
        counted.push(...further);
        modelRules.push(...further.map(({ key }) => key));
      },
      reserve: (reservation) => {
        const at = this.#clock.now();
        if (!isFree) { for (const one of counted) this.#checkAmounts(one, at); }
        const beyond = counted.filter((one) => this.#mayExceed(one, reservation));
        for (const one of beyond) checkOptimistic(one);
        reserved = reservation;
        optimistic = beyond.map(({ ledger }) => ledger);
        for (const ledger of optimistic) ledger.optimistic++;
        for (const { ledger } of counted) {
          ledger.reservedTokens += reservation.tokens;
          ledger.reservedMicros += reservation.micros;
          ledger.excessMicros += excessOf(reservation);
        }
      },
      reserveMore: ({ tokens, micros }) => {
        more = { tokens: more.tokens + tokens, micros: more.micros + micros };
        for (const { ledger } of counted) {
          ledger.reservedTokens += tokens;
          ledger.reservedMicros += micros;
        }
      },
      handOver: () => {
        const { tokens, micros } = reserved;
        const at = this.#clock.now();
        for (const ledger of optimistic.splice(0)) ledger.optimistic--;
        for (const { ledger } of counted) {
          ledger.excessMicros -= excessOf(reserved);
          ledger.reservedTokens -= tokens;
          if (tokens > 0) ledger.tokensThisMinute.add(at, tokens);
        }
        reserved = { tokens: 0, micros: 0 };
        return { keys: counted.map(({ key }) => key), modelRules, tokens, micros };
      },
      settle: ({ tokens = 0, micros = 0 }) => {
        if (booking !== undefined) return booking;
        const { hour, isDated } = this.#budgetClock.read();
        booking = { hour, isDated, modelRules };
        const endedAt = this.#clock.now();
        for (const ledger of optimistic) ledger.optimistic--;
        for (const { ledger } of counted) {
          ledger.running--;
          ledger.excessMicros -= excessOf(reserved);
          ledger.reservedTokens -= reserved.tokens + more.tokens;
          ledger.reservedMicros -= reserved.micros + more.micros;
          if (tokens > 0) ledger.tokensThisMinute.add(endedAt, tokens);
          if (micros > 0) ledger.spent.add(hour, { micros, isDated });
        }
        return booking;
      },
    };
  }

  /** Reserves money for an object of an earlier or another process. */
  hold({ keys, micros }: Pick<Held, "keys" | "micros">): void {
    for (const key of keys) this.#ledgerOf(key).reservedMicros += micros;
  }

  /** Releases money that {@link hold} or {@link Admission.handOver} has reserved. */
  release({ keys, micros }: Pick<Held, "keys" | "micros">): void {
    for (const key of keys) this.#ledgerOf(key).reservedMicros -= micros;
  }

  /** Where spending of this moment is booked. */
  bookingOf(modelRules: readonly string[]): Booking {
    const { hour, isDated } = this.#budgetClock.read();
    return { hour, isDated, modelRules };
  }

  /** Counts tokens and money that no running request used, such as those of a background response. */
  count(
    keys: readonly string[],
    { tokens, micros, booking: { hour, isDated } }: { tokens: number; micros: number; booking: Booking },
  ): void {
    const at = this.#clock.now();
    for (const key of keys) {
      const ledger = this.#ledgerOf(key);
      if (tokens > 0) ledger.tokensThisMinute.add(at, tokens);
      if (micros > 0) ledger.spent.add(hour, { micros, isDated });
    }
  }

  /** What a subject has used, by its key. Undefined if the subject has never sent a request. */
  spent(key: string): Spent | undefined {
    // Reading the clock may move spending to another hour.
    const { hour } = this.#budgetClock.read();
    const used = this.#ledgers.get(key) ?? this.#balances.get(key);
    if (used === undefined) return undefined;
    const { requests, spent } = used;
    const { day, week, month } = this.#calendar.spans(hour);
    return {
      requests,
      dayMicros: spent.since(day.from),
      weekMicros: spent.since(week.from),
      monthMicros: spent.since(month.from),
      totalMicros: spent.totalMicros,
    };
  }

  #ledgerOf(key: string): Ledger {
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      const { requests = 0, spent } = this.#balances.get(key) ?? {};
      this.#balances.delete(key);
      ledger = new Ledger(requests, spent ?? new SpentHours({ totalMicros: 0, hours: [] }));
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  #moveSpendingTo(hour: number): void {
    for (const { spent } of this.#ledgers.values()) spent.moveTo(hour);
    for (const { spent } of this.#balances.values()) spent.moveTo(hour);
  }

  /** Counts a new request for all limits. If one limit is reached, counts it for none and throws. */
  #begin(counted: readonly CountedLimits[], isFree: boolean): void {
    const now = this.#clock.now();
    for (const one of counted) {
      this.#checkRequests(one, now);
      if (!isFree) this.#checkAmounts(one, now);
    }
    for (const { ledger } of counted) {
      ledger.requestsThisMinute.add(now, 1);
      ledger.requests++;
      ledger.running++;
    }
  }

  #checkRequests({ what, scope, limits, maxRequests, ledger }: CountedLimits, now: number): void {
    const { requestsPerMinute, concurrentRequests } = limits;
    if (maxRequests !== undefined && ledger.requests >= maxRequests) {
      throw new ProxyFault("budget_exceeded", `This ${what} has made all of its ${maxRequests} requests.`, {
        limit: {
          kind: "requests",
          limit: maxRequests,
          remaining: 0,
          resetMs: undefined,
          resetsAt: undefined,
        },
      });
    }
    if (concurrentRequests !== undefined && ledger.running >= concurrentRequests) {
      throw this.#limited(
        `This ${what} may have ${concurrentRequests} requests running at a time${scope}.`,
        { kind: "requests", limit: concurrentRequests, resetMs: CONCURRENT_RETRY_MS },
      );
    }
    if (requestsPerMinute !== undefined && ledger.requestsThisMinute.sum(now) >= requestsPerMinute) {
      const resetMs = ledger.requestsThisMinute.msUntilBelow(now, requestsPerMinute);
      throw this.#limited(
        `This ${what} may make ${requestsPerMinute} requests per minute${scope}.`,
        { kind: "requests", limit: requestsPerMinute, resetMs },
      );
    }
  }

  /** Checks tokens and money, which are known only when a response has ended. */
  #checkAmounts({ what, scope, limits, ledger }: CountedLimits, now: number): void {
    const { tokensPerMinute } = limits;
    if (tokensPerMinute !== undefined) {
      // What running requests have reserved counts. The reservation of this request does not: a request for a large
      // response could never pass.
      const free = tokensPerMinute - ledger.reservedTokens;
      if (ledger.tokensThisMinute.sum(now) >= free) {
        const resetMs = free > 0 ? ledger.tokensThisMinute.msUntilBelow(now, free) : CONCURRENT_RETRY_MS;
        throw this.#limited(
          `This ${what} may use ${tokensPerMinute} tokens per minute${scope}.`,
          { kind: "tokens", limit: tokensPerMinute, resetMs },
        );
      }
    }
    // Most limits have no budget, and need neither the clock nor the calendar.
    if (!hasBudget(limits)) return;
    const fault = budgetFault({ what, scope, limits, ledger }, {
      time: this.#budgetClock.read(),
      calendar: this.#calendar,
      concurrentRetryMs: CONCURRENT_RETRY_MS,
    });
    if (fault !== undefined) throw fault;
  }

  /** Whether this request and the running requests together can exceed a budget by their highest costs. */
  #mayExceed({ limits, ledger }: CountedLimits, reservation: Reservation): boolean {
    const excess = excessOf(reservation);
    if (excess === 0) return false;
    const left = budgetLeft({ limits, ledger }, {
      time: this.#budgetClock.read(),
      calendar: this.#calendar,
    });
    return reservation.micros + excess + ledger.excessMicros > left;
  }

  #limited(
    message: string,
    { kind, limit, resetMs }: { kind: "requests" | "tokens"; limit: number; resetMs: number },
  ): ProxyFault {
    const resetsAt = this.#clock.epochMs() + resetMs;
    return new ProxyFault("rate_limited", message, {
      limit: { kind, limit, remaining: 0, resetMs, resetsAt },
      // The window is one second longer than a minute, and SDKs wait for at most a minute.
      ...retryOf(Math.min(resetMs, 60_000)),
    });
  }
}

/** By how much a request can cost more than it reserves, in micro-dollars. */
function excessOf({ micros, mostMicros = micros }: Reservation): number {
  return Math.max(0, mostMicros - micros);
}

/** Throws if {@link MOST_OPTIMISTIC} requests run already whose highest cost the budget does not cover. */
function checkOptimistic({ what, scope, ledger }: CountedLimits): void {
  if (ledger.optimistic < MOST_OPTIMISTIC) return;
  throw new ProxyFault(
    "budget_exceeded",
    `The rest of this ${what}'s budget${scope} does not cover the highest cost of its running requests, and only ` +
      `${MOST_OPTIMISTIC} requests may run beyond it: send a smaller max_tokens.`,
    retryOf(CONCURRENT_RETRY_MS),
  );
}

/** The latest hour with spending, and the latest hour with spending that was booked with a right clock. */
function latestOf(
  balances: ReadonlyMap<string, Balance>,
): { booked: number | undefined; dated: number | undefined } {
  let booked: number | undefined;
  let dated: number | undefined;
  for (const { hours } of balances.values()) {
    for (const { start, isDated } of hours) {
      booked = Math.max(booked ?? start, start);
      if (isDated) dated = Math.max(dated ?? start, start);
    }
  }
  return { booked, dated };
}
