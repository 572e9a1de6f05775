/** Admits requests within the limits and budgets of those who call, and settles what each one used. */

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
import { limitsOfModels, modelRuleKey } from "./model_rules.ts";
import { SpentHours } from "./spent_hours.ts";

/** A request that was admitted. */
export interface Admission {
  /** Once it is known which models it names: counts it for the rules for these. Throws where one of them is full. */
  readonly countModels: (models: readonly string[]) => void;
  /** Once it is known how much it may use: keeps that from others. Throws where others hold the rest by now. */
  readonly reserve: (reservation: Reservation) => void;
  /** Adds to that what it has used by now, whether or not there is as much. */
  readonly reserveMore: (reservation: Reservation) => void;
  /**
   * Goes on keeping from others what is reserved, when the request has ended, until {@link Limiter.release}. Its tokens
   * count from now on.
   */
  readonly handOver: () => Held;
  /** Once, when it has ended: what it used; unknown is undefined and counts as nothing. Tells where it is booked. */
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => Booking;
}

/** What is kept from others beyond the end of a request. */
export interface Held {
  /** Of the subjects and of their rules for models. */
  readonly keys: readonly string[];
  /** Those of the rules alone. */
  readonly modelRules: readonly string[];
  readonly tokens: number;
  readonly micros: number;
}

/** What a subject has used, in millionths of a US dollar. */
export interface Spent {
  readonly requests: number;
  readonly dayMicros: number;
  readonly weekMicros: number;
  readonly monthMicros: number;
  readonly totalMicros: number;
}

/** What a limiter begins with. */
export interface LimiterOptions {
  /** What each subject had used before, by its key. */
  readonly balances?: ReadonlyMap<string, Balance>;
  /** Undefined: days, weeks and months of UTC. */
  readonly periods?: BudgetPeriods | undefined;
  /** The clock was found to be wrong, or was moved; what was spent has been dated by then. */
  readonly onClock?: (event: ClockEvent) => void;
}

/** Limits, and what has been used of them. */
interface Counted {
  /** Under which its counts are kept. */
  readonly key: string;
  /** For messages: `token`, `project`. */
  readonly what: string;
  /** For messages: which requests count, like ` for models gpt-5*`. */
  readonly scope: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
  readonly ledger: Ledger;
}

const DEFAULT_PERIODS: BudgetPeriods = {
  timeZone: DEFAULT_BUDGET_TIME_ZONE,
  window: DEFAULT_BUDGET_WINDOW,
};
/** A running request may end at any moment. */
const CONCURRENT_RETRY_MS = 1_000;

/**
 * So many requests of a subject may run on what is expected of them while its budget does not cover their most: a
 * budget can be exceeded by what they cost at most, and not by what any number of them do.
 */
const MOST_OPTIMISTIC = 4;

/** Keeps the counts of all subjects; they outlive a change of rules. */
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
        if (event.kind !== "wrong") this.#dateAt(event.hour);
        onClock?.(event);
      },
    });
  }

  /** Other periods hold from now on; what was spent counts in them too. */
  configure(periods: BudgetPeriods | undefined): void {
    this.#calendar = new BudgetCalendar(periods ?? DEFAULT_PERIODS);
  }

  /** Finds out whether the clock is wrong or was moved. */
  readClock(): void {
    this.#budgetClock.read();
  }

  /**
   * Throws `rate_limited` or `budget_exceeded`; then nothing is counted. What is sure to cost nothing needs neither
   * tokens nor money.
   */
  admit({ subjects }: Principal, { isFree = false }: { isFree?: boolean } = {}): Admission {
    const counted: Counted[] = subjects.map(({ key, what, rules }) => ({
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
    /** What the request itself has used by now. */
    let more: Reservation = { tokens: 0, micros: 0 };
    let booking: Booking | undefined;
    return {
      countModels: (models) => {
        const further = subjects.flatMap(({ key, what, rules }) =>
          limitsOfModels(rules.modelLimits ?? [], models).map((limits): Counted => {
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

  /** Keeps from others what was handed over before this process began. */
  hold({ keys, micros }: Pick<Held, "keys" | "micros">): void {
    for (const key of keys) this.#ledgerOf(key).reservedMicros += micros;
  }

  /** Gives back what was held. */
  release({ keys, micros }: Pick<Held, "keys" | "micros">): void {
    for (const key of keys) this.#ledgerOf(key).reservedMicros -= micros;
  }

  /** Where the cost of what ends now is booked. */
  bookingOf(modelRules: readonly string[]): Booking {
    const { hour, isDated } = this.#budgetClock.read();
    return { hour, isDated, modelRules };
  }

  /** Counts what was used by no request that runs. */
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

  /** What a subject has used, by its key; undefined: nothing since the start, and nothing before. */
  spent(key: string): Spent | undefined {
    // The clock dates what was spent.
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

  #dateAt(hour: number): void {
    for (const { spent } of this.#ledgers.values()) spent.dateAt(hour);
    for (const { spent } of this.#balances.values()) spent.dateAt(hour);
  }

  /** Counts a request that begins for all of them, or for none and throws. */
  #begin(counted: readonly Counted[], isFree: boolean): void {
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

  #checkRequests({ what, scope, limits, maxRequests, ledger }: Counted, now: number): void {
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

  /** Tokens and money, which are known only when an answer has ended. */
  #checkAmounts({ what, scope, limits, ledger }: Counted, now: number): void {
    const { tokensPerMinute } = limits;
    if (tokensPerMinute !== undefined) {
      // What others may still use counts; what this one may use does not, or large answers could never be asked for.
      const free = tokensPerMinute - ledger.reservedTokens;
      if (ledger.tokensThisMinute.sum(now) >= free) {
        const resetMs = free > 0 ? ledger.tokensThisMinute.msUntilBelow(now, free) : CONCURRENT_RETRY_MS;
        throw this.#limited(
          `This ${what} may use ${tokensPerMinute} tokens per minute${scope}.`,
          { kind: "tokens", limit: tokensPerMinute, resetMs },
        );
      }
    }
    const fault = budgetFault({ what, scope, limits, ledger }, {
      time: this.#budgetClock.read(),
      calendar: this.#calendar,
      concurrentRetryMs: CONCURRENT_RETRY_MS,
    });
    if (fault !== undefined) throw fault;
  }

  /**
   * Whether a request that reserves what is expected can exceed a budget with its most, while all that run do so too.
   */
  #mayExceed({ limits, ledger }: Counted, reservation: Reservation): boolean {
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
      // The window is a second longer than a minute, and SDKs wait for a minute at most.
      ...retryOf(Math.min(resetMs, 60_000)),
    });
  }
}

/** By how much a request can cost more than what is reserved for it. */
function excessOf({ micros, mostMicros = micros }: Reservation): number {
  return Math.max(0, mostMicros - micros);
}

/** Throws where as many requests as may run on what is expected do so, and a budget does not cover their most. */
function checkOptimistic({ what, scope, ledger }: Counted): void {
  if (ledger.optimistic < MOST_OPTIMISTIC) return;
  throw new ProxyFault(
    "budget_exceeded",
    `The rest of this ${what}'s budget${scope} does not cover what its running requests may cost at most, and ` +
      `only ${MOST_OPTIMISTIC} requests may run on what is expected of them: send a smaller max_tokens.`,
    retryOf(CONCURRENT_RETRY_MS),
  );
}

/** The latest hours in which something was booked: at all, and by a clock that was right. */
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
