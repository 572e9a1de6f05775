/** Admits requests within the limits and budgets of those who call, and settles what each one used. */

import type { Clock } from "../clock.ts";
import { ProxyFault } from "../faults.ts";
import type { Principal, Rules, Subject } from "../principal.ts";
import { type Balance, Ledger, msUntilNext, type Reservation } from "./ledger.ts";

/** A request that was admitted. */
export interface Admission {
  /** Once it is known how much it may use: keeps that from others. Throws where others hold the rest by now. */
  readonly reserve: (reservation: Reservation) => void;
  /** Once, when it has ended: what it used; unknown is undefined and counts as nothing. */
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => void;
}

/** Nothing to be settled. */
const UNLIMITED: Admission = { reserve() {}, settle() {} };
/** A running request may end at any moment. */
const CONCURRENT_RETRY_MS = 1_000;

/** Keeps the counts of all subjects; they outlive a change of rules. */
export class Limiter {
  readonly #clock: Clock;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #balances: Map<string, Balance>;

  /** `balances`: what each subject had used before, by its key. */
  constructor(clock: Clock, balances: ReadonlyMap<string, Balance> = new Map()) {
    this.#clock = clock;
    this.#balances = new Map(balances);
  }

  /** Throws `rate_limited` or `budget_exceeded`; then nothing is counted. */
  admit({ subjects }: Principal): Admission {
    if (subjects.length === 0) return UNLIMITED;
    const now = this.#clock.now();
    const entries = subjects.map((subject) => ({ subject, ledger: this.#ledgerOf(subject.key) }));
    for (const { subject, ledger } of entries) {
      this.#checkRequests(subject, ledger, now);
      this.#checkAmounts(subject, ledger, now);
    }
    for (const { ledger } of entries) {
      ledger.requestsThisMinute.add(now, 1);
      ledger.requests++;
      ledger.running++;
    }
    let reserved: Reservation = { tokens: 0, micros: 0 };
    let isSettled = false;
    return {
      reserve: (reservation) => {
        const at = this.#clock.now();
        for (const { subject, ledger } of entries) this.#checkAmounts(subject, ledger, at);
        reserved = reservation;
        for (const { ledger } of entries) {
          ledger.reservedTokens += reservation.tokens;
          ledger.reservedMicros += reservation.micros;
        }
      },
      settle: ({ tokens = 0, micros = 0 }) => {
        if (isSettled) return;
        isSettled = true;
        const endedAt = this.#clock.now();
        for (const { ledger } of entries) {
          ledger.running--;
          ledger.reservedTokens -= reserved.tokens;
          ledger.reservedMicros -= reserved.micros;
          if (tokens > 0) ledger.tokensThisMinute.add(endedAt, tokens);
          if (micros > 0) ledger.spend(micros, this.#clock.epochMs());
        }
      },
    };
  }

  /** What a subject has used; undefined: nothing since the start, and nothing before. */
  ledger(key: string): Ledger | undefined {
    return this.#ledgers.get(key) ?? (this.#balances.has(key) ? this.#ledgerOf(key) : undefined);
  }

  #ledgerOf(key: string): Ledger {
    const known = this.#ledgers.get(key);
    if (known !== undefined) return known;
    const ledger = new Ledger(this.#balances.get(key), this.#clock.epochMs());
    this.#balances.delete(key);
    this.#ledgers.set(key, ledger);
    return ledger;
  }

  #checkRequests({ what, rules }: Subject, ledger: Ledger, now: number): void {
    const { requestsPerMinute, concurrentRequests, maxRequests } = rules;
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
        `This ${what} may have ${concurrentRequests} requests running at a time.`,
        { kind: "requests", limit: concurrentRequests, resetMs: CONCURRENT_RETRY_MS },
      );
    }
    if (requestsPerMinute !== undefined && ledger.requestsThisMinute.sum(now) >= requestsPerMinute) {
      const resetMs = ledger.requestsThisMinute.msUntilBelow(now, requestsPerMinute);
      throw this.#limited(
        `This ${what} may make ${requestsPerMinute} requests per minute.`,
        { kind: "requests", limit: requestsPerMinute, resetMs },
      );
    }
  }

  /** Tokens and money, which are known only when an answer has ended. */
  #checkAmounts({ what, rules }: Subject, ledger: Ledger, now: number): void {
    const { tokensPerMinute } = rules;
    if (tokensPerMinute !== undefined) {
      // What others may still use counts; what this one may use does not, or large answers could never be asked for.
      const free = tokensPerMinute - ledger.reservedTokens;
      if (ledger.tokensThisMinute.sum(now) >= free) {
        const resetMs = free > 0 ? ledger.tokensThisMinute.msUntilBelow(now, free) : CONCURRENT_RETRY_MS;
        throw this.#limited(
          `This ${what} may use ${tokensPerMinute} tokens per minute.`,
          { kind: "tokens", limit: tokensPerMinute, resetMs },
        );
      }
    }
    this.#checkBudgets(what, rules, ledger);
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

  #checkBudgets(what: string, rules: Rules, ledger: Ledger): void {
    const { dayBudgetMicros, monthBudgetMicros, totalBudgetMicros } = rules;
    const epochMs = this.#clock.epochMs();
    const check = (period: Period, budget: number | undefined, spent: number): void => {
      if (budget === undefined || spent + ledger.reservedMicros < budget) return;
      throw budgetExceeded({ what, period, budget, isSpent: spent >= budget, epochMs });
    };
    check("day", dayBudgetMicros, ledger.dayMicros(epochMs));
    check("month", monthBudgetMicros, ledger.monthMicros(epochMs));
    check("total", totalBudgetMicros, ledger.totalMicros);
  }
}

type Period = "day" | "month" | "total";

function budgetExceeded(
  { what, period, budget, isSpent, epochMs }: {
    what: string;
    period: Period;
    budget: number;
    /** Otherwise it is reserved. */
    isSpent: boolean;
    epochMs: number;
  },
): ProxyFault {
  const when = period === "total" ? "in all" : `per ${period}`;
  const resetMs = !isSpent
    ? CONCURRENT_RETRY_MS
    : period === "total"
    ? undefined
    : msUntilNext(period, epochMs);
  return new ProxyFault(
    "budget_exceeded",
    isSpent
      ? `This ${what} has spent its budget of ${dollars(budget)} ${when}.`
      : `The rest of this ${what}'s budget of ${dollars(budget)} ${when} is reserved by running requests.`,
    retryOf(resetMs),
  );
}

function retryOf(resetMs: number | undefined): { retryAfterSeconds?: number } {
  return resetMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(resetMs / 1000)) };
}

/** `$1.50` */
function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(micros % 10_000 === 0 ? 2 : 6)}`;
}
