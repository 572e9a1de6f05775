/** The limits of requests, as exchanges and their accounts use them. */

import type { Admission } from "../limits/admission.ts";
import type { Principal } from "../principal.ts";
import type { Booking } from "../storage/booking.ts";
import type { RunningExchange } from "./running_exchange.ts";

/** The admission of a request, as its account uses it. */
export interface AccountAdmission extends Pick<Admission, "reserve" | "reserveMore" | "handOver"> {
  /**
   * Does what `Admission.settle` does. Returns `undefined` if another thread counts, which books the cost.
   */
  readonly settle: (...used: Parameters<Admission["settle"]>) => Booking | undefined;
}

/** The admission of a request. */
export interface RequestAdmission extends AccountAdmission, Pick<Admission, "countModels" | "withdraw"> {
  /**
   * Called once when models and reservation are known. Does what `Admission.share` does; if another thread
   * counts, it counts the request now.
   */
  readonly share: (exchange: () => TakenExchange) => Promise<void> | undefined;
}

/** An exchange whose request passed the limits, so that another thread can record it if this one ends. */
export interface TakenExchange extends RunningExchange {
  readonly method: string;
  readonly path: string;
  readonly provider: string | undefined;
  /** Whether the path calls a model. */
  readonly metered: boolean;
}

/** The limits of all clients. */
export interface AccountLimiter {
  /** Does what `Limiter.admit` does. If another thread counts, nothing is checked before `taken`. */
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
