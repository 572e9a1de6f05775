/** The limits of the requests of one serving thread, in the main thread. */

import type { AccountLimiter, RequestAdmission, TakenExchange } from "../../accounting/account_admission.ts";
import type { Reservation } from "../../limits/ledger.ts";
import type { Subject } from "../../principal.ts";
import type { Booking } from "../../storage/booking.ts";
import { fromJson, type Json, type LimitMethods, type SentTake } from "./methods.ts";

/** A request that runs in the thread. */
interface Taken {
  readonly exchange: Json<TakenExchange>;
  readonly admission: RequestAdmission;
  /** What the request may have used. */
  reserved: Reservation;
}

/** A request whose thread ended before it. */
export interface CutExchange {
  readonly exchange: TakenExchange;
  /** What was reserved, which counts as used. */
  readonly reserved: Reservation;
  readonly booking: Booking | undefined;
}

/** What {@link ThreadLimits} needs. */
export interface ThreadLimitsParts {
  readonly limiter: AccountLimiter;
  /** Called with each request that runs. */
  readonly onTaken: (exchange: () => TakenExchange) => void;
}

const NOTHING: Reservation = { tokens: 0, micros: 0 };

/** Counts the requests of a thread. */
export class ThreadLimits implements LimitMethods {
  readonly #parts: ThreadLimitsParts;
  readonly #subjects = new Map<number, readonly Subject[]>();
  readonly #taken = new Map<string, Taken>();
  /** Where the costs of settled requests are booked, until their rows come. */
  readonly #bookings = new Map<string, Booking | undefined>();

  constructor(parts: ThreadLimitsParts) {
    this.#parts = parts;
  }

  /** The requests that run. */
  get running(): readonly TakenExchange[] {
    return [...this.#taken.values()].map(({ exchange }) => fromJson(exchange));
  }

  defineSubjects(number: number, subjects: readonly Subject[]): void {
    this.#subjects.set(number, subjects);
  }

  forgetSubjects(): void {
    this.#subjects.clear();
  }

  checkLimits(subjects: number, isFree: boolean): Promise<void> | undefined {
    return this.#parts.limiter.check(this.#clientOf(subjects), { isFree });
  }

  take({ id, subjects, isFree, models, reservation, exchange }: SentTake): Promise<void> | undefined {
    const { limiter, onTaken } = this.#parts;
    const admission = limiter.admit(this.#clientOf(subjects), { isFree });
    try {
      if (models.length > 0) admission.countModels(models);
      if (reservation !== undefined) admission.reserve(reservation);
    } catch (error) {
      admission.withdraw();
      throw error;
    }
    const opened = (): TakenExchange => fromJson(exchange);
    this.#taken.set(id, { exchange, admission, reserved: reservation ?? NOTHING });
    const sharing = admission.share(opened);
    if (sharing === undefined) return void onTaken(opened);
    return sharing.then(() => onTaken(opened), (error) => {
      this.#taken.delete(id);
      throw error;
    });
  }

  countRequest(subjects: number): void {
    // It was rejected for another reason, so that a limit does not matter.
    try {
      this.#parts.limiter.admit(this.#clientOf(subjects), { isFree: true }).settle(NOTHING);
    } catch {
      // A limit is reached already.
    }
  }

  countPage(subjects: number, mayExceed: boolean): Promise<void> | undefined {
    return this.#parts.limiter.countPage(this.#clientOf(subjects), { mayExceed });
  }

  reserveMore(id: string, { tokens, micros }: Reservation): void {
    const taken = this.#taken.get(id);
    if (taken === undefined) return;
    taken.admission.reserveMore({ tokens, micros });
    taken.reserved = { tokens: taken.reserved.tokens + tokens, micros: taken.reserved.micros + micros };
  }

  handOver(id: string): void {
    const taken = this.#taken.get(id);
    if (taken === undefined) return;
    taken.admission.handOver();
    taken.reserved = NOTHING;
  }

  settle(id: string, used: { readonly tokens: number; readonly micros: number }): void {
    const taken = this.#taken.get(id);
    if (taken === undefined) return;
    this.#taken.delete(id);
    this.#bookings.set(id, taken.admission.settle(used));
  }

  /** Where the cost of a settled request is booked. Only the first call for a request knows it. */
  takeBooking(id: string): Booking | undefined {
    const booking = this.#bookings.get(id);
    this.#bookings.delete(id);
    return booking;
  }

  /** Settles all running requests, because the thread has ended: what was reserved counts as used. */
  cut(): readonly CutExchange[] {
    const cut = [...this.#taken.values()].map(({ exchange, admission, reserved }) => ({
      exchange: fromJson(exchange),
      reserved,
      booking: admission.settle(reserved),
    }));
    this.#taken.clear();
    return cut;
  }

  #clientOf(number: number): { readonly subjects: readonly Subject[] } {
    const subjects = this.#subjects.get(number);
    if (subjects === undefined) throw new RangeError(`the subjects ${number} are not defined`);
    return { subjects };
  }
}
