/**
 * Why limits reject a request, and the error that its client gets. Local and shared limits have the same
 * errors.
 */

import type { BudgetWindow } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Limits } from "../principal.ts";
import { counted } from "../text/counted.ts";
import type { Period } from "./budget_calendar.ts";

/** Why a limit rejects a request. Times are in milliseconds. */
export type Rejection =
  | { readonly kind: "max_requests" | "concurrent_requests" | "optimistic" }
  | { readonly kind: "requests_per_minute" | "tokens_per_minute"; readonly resetMs: number }
  | {
    readonly kind: "budget";
    readonly period: Period | "total";
    /** Whether the budget is spent. `false` if running requests have reserved its remainder. */
    readonly isSpent: boolean;
    /** When a spent budget has a remainder again. `undefined` if waiting does not help. */
    readonly resetMs: number | undefined;
  };

/** The limits that rejected a request, as messages name them. */
export interface RejectingLimits {
  /** What the limits belong to: `token`, `project`. */
  readonly what: string;
  /** The end of messages: the requests that count, like ` for models gpt-5*`. */
  readonly scope: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
}

/** `retry-after` if running requests use up a limit. A running request may end at any moment. */
export const CONCURRENT_RETRY_MS = 1_000;

/**
 * The most running requests of a subject whose highest cost the budget may not cover. Each of them reserves
 * only its expected cost. So a budget can be exceeded by the highest costs of this many requests, but not by
 * more.
 */
export const MOST_OPTIMISTIC = 4;

/** The periods as error messages name them. */
const WORDS: Readonly<Record<BudgetWindow, Readonly<Record<Period | "total", string>>>> = {
  calendar: { day: "per day", week: "per week", month: "per month", total: "in total" },
  rolling: { day: "in 24 hours", week: "in 7 days", month: "in 30 days", total: "in total" },
};

/** The member of limits that has the budget for a period. */
export const BUDGETS = {
  day: "dayBudgetMicros",
  week: "weekBudgetMicros",
  month: "monthBudgetMicros",
  total: "totalBudgetMicros",
} as const satisfies Record<Period | "total", keyof Limits>;

/**
 * The error for the client of a rejected request. `epochMs` is the present time, in milliseconds since 1970.
 */
export function faultOf(
  rejection: Rejection,
  { what, scope, limits, maxRequests = 0 }: RejectingLimits,
  { epochMs, window }: { readonly epochMs: number; readonly window: BudgetWindow },
): ProxyFault {
  switch (rejection.kind) {
    case "max_requests":
      return new ProxyFault(
        "budget_exceeded",
        `This ${what} has made the ${counted(maxRequests, "request")} that it may make.`,
        {
          limit: {
            kind: "requests",
            limit: maxRequests,
            remaining: 0,
            resetMs: undefined,
            resetsAt: undefined,
          },
        },
      );
    case "concurrent_requests": {
      const { concurrentRequests: limit = 0 } = limits;
      const message = `This ${what} may have ${counted(limit, "request")} running at a time${scope}.`;
      return limited(message, { kind: "requests", limit, resetMs: CONCURRENT_RETRY_MS, epochMs });
    }
    case "requests_per_minute": {
      const { requestsPerMinute: limit = 0 } = limits;
      const message = `This ${what} may make ${counted(limit, "request")} per minute${scope}.`;
      return limited(message, { kind: "requests", limit, resetMs: rejection.resetMs, epochMs });
    }
    case "tokens_per_minute": {
      const { tokensPerMinute: limit = 0 } = limits;
      const message = `This ${what} may use ${counted(limit, "token")} per minute${scope}.`;
      return limited(message, { kind: "tokens", limit, resetMs: rejection.resetMs, epochMs });
    }
    case "budget": {
      const { period, isSpent, resetMs } = rejection;
      const shown = `${dollars(limits[BUDGETS[period]] ?? 0)} ${WORDS[window][period]}${scope}`;
      return isSpent
        ? new ProxyFault(
          "budget_exceeded",
          `This ${what} has spent its budget of ${shown}.`,
          retryOf(resetMs),
        )
        : new ProxyFault(
          "budget_exceeded",
          `The rest of this ${what}'s budget of ${shown} is reserved for requests and background responses that still run.`,
          retryOf(CONCURRENT_RETRY_MS),
        );
    }
    case "optimistic":
      return new ProxyFault(
        "budget_exceeded",
        `The rest of this ${what}'s budget${scope} may not cover the highest cost of this request. At most ` +
          `${MOST_OPTIMISTIC} such requests may run at a time. Wait until one ends, or send a smaller max_tokens.`,
        retryOf(CONCURRENT_RETRY_MS),
      );
    default:
      return rejection satisfies never;
  }
}

function limited(
  message: string,
  { kind, limit, resetMs, epochMs }: {
    kind: "requests" | "tokens";
    limit: number;
    resetMs: number;
    epochMs: number;
  },
): ProxyFault {
  return new ProxyFault("rate_limited", message, {
    limit: { kind, limit, remaining: 0, resetMs, resetsAt: epochMs + resetMs },
    // The window is one second longer than a minute, and SDKs wait for at most a minute.
    ...retryOf(Math.min(resetMs, 60_000)),
  });
}

/**
 * The option `retryAfterSeconds` of a fault. No option if `resetMs` is undefined, because a retry is then
 * useless.
 */
function retryOf(resetMs: number | undefined): { retryAfterSeconds?: number } {
  return resetMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(resetMs / 1000)) };
}

/** An amount as text, such as `$1.50`. */
function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(micros % 10_000 === 0 ? 2 : 6)}`;
}
