import type { Booking } from "../storage/booking.ts";
import type { HeldAmounts } from "./open_objects.ts";

/** The admission of a request, as its account uses it. */
export interface AccountAdmission {
  readonly reserve: (
    reservation: { readonly tokens: number; readonly micros: number; readonly mostMicros: number },
  ) => void;
  /** Adds to the reservation. Never throws, even beyond the remainder. */
  readonly reserveMore: (reservation: { readonly tokens: number; readonly micros: number }) => void;
  /** Keeps the reservation beyond the end of the exchange, and returns it. */
  readonly handOver: () => HeldAmounts & {
    readonly tokens: number;
    readonly modelRules: readonly string[];
  };
  /** Replaces the reservation by what was used. Returns where the cost is booked. */
  readonly settle: (
    used: { readonly tokens: number | undefined; readonly micros: number | undefined },
  ) => Booking;
}
