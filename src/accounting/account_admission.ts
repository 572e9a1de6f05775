/** The limits of clients, in the form that exchanges and their accounts use. */

import type { Admission } from "../limits/admission.ts";
import type { Principal } from "../principal.ts";
import type { Booking } from "../storage/booking.ts";
import type { RunningExchange } from "./running_exchange.ts";

/** The admission of a request, as its account uses it. */
export interface AccountAdmission extends Pick<Admission, "reserve" | "reserveMore" | "handOver"> {
  /**
   * Does what `Admission.settle` does. Returns `undefined` if another thread counts; that thread then books
   * the cost.
   */
  readonly settle: (...used: Parameters<Admission["settle"]>) => Booking | undefined;
}

/** The admission of a request. */
export interface RequestAdmission extends AccountAdmission, Pick<Admission, "countModels" | "withdraw"> {
  /**
   * Call it once, when models and reservation are known. Does what `Admission.share` does. If another thread
   * counts, sends the request to that thread.
   */
  readonly share: (exchange: () => TakenExchange) => Promise<void> | undefined;
}

/**
 * An exchange whose request passed the limits. If its thread ends, another thread records it from these data.
 */
export interface TakenExchange extends RunningExchange {
  readonly method: string;
  readonly path: string;
  readonly provider: string | undefined;
  /** Whether the path calls a model. */
  readonly metered: boolean;
}

/** The limits of all clients, which this thread or another one counts. */
export interface AccountLimiter {
  /** Does what `Limiter.admit` does. If another thread counts, nothing is checked before `share`. */
  readonly admit: (
    principal: Pick<Principal, "subjects">,
    options?: { readonly isFree?: boolean },
  ) => RequestAdmission;
  /** Does what `Limiter.check` does. Returns a promise only if another thread counts. */
  readonly check: (
    principal: Pick<Principal, "subjects">,
    options: { readonly isFree: boolean },
  ) => Promise<void> | undefined;
  /** Does what `Limiter.countPage` does. Returns a promise only if another thread counts. */
  readonly countPage: (
    principal: Pick<Principal, "subjects">,
    options: { readonly mayExceed: boolean },
  ) => Promise<void> | undefined;
}
