/**
 * The counts that several replicas share. All values are plain data, so that an adapter can be another thread
 * or a server. The time is that of the adapter, so that the clocks of replicas may differ.
 *
 * The database is the truth of what was spent. The shared counts are never above it: they lack what an
 * adapter has lost, until {@link SharedLimits.raise} adds it.
 */

import type { Limits } from "../../principal.ts";
import type { Spans } from "../budget_calendar.ts";
import type { Reservation } from "../ledger.ts";
import type { Rejection } from "../rejection.ts";

/**
 * The owner of reservations that no replica holds, such as those of background responses. They never expire.
 */
export const NO_REPLICA = "";

/** After this time without a sign of life, the slots of a replica are free. In milliseconds. */
export const REPLICA_LIFETIME_MS = 10_000;
/**
 * How long the tokens and the money that a silent replica holds stay reserved after that, in milliseconds. It
 * may only stand still, and providers bill its requests.
 */
export const RESERVED_MS = 600_000;
/**
 * Counts that are younger may lack what replicas hold. Every replica tells it within this time: it sends a
 * sign of life every two seconds, tries a server that is away every second, and waits a little for answers.
 * In milliseconds.
 */
export const TELLING_MS = 4_000;

/** One ledger of a request, with the limits that it must not exceed. */
export interface LimitedLedger {
  readonly key: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
}

/** A request that wants to run. It counts for all of its ledgers, or for none. */
export interface Take {
  /** The id of what the request holds while it runs. */
  readonly id: string;
  readonly replica: string;
  readonly ledgers: readonly LimitedLedger[];
  readonly reservation: Reservation;
  /** Whether the request needs neither tokens nor money. */
  readonly isFree: boolean;
  /** The hour that the spans contain, by its start in milliseconds since 1970. */
  readonly hour: number;
  readonly spans: Spans;
}

/** Whether a request may run. */
export type TakeResult =
  | { readonly kind: "taken" }
  /** `index` is the position of the ledger whose limit is reached. */
  | { readonly kind: "rejected"; readonly index: number; readonly rejection: Rejection }
  /** The adapter does not know what these ledgers have spent. {@link SharedLimits.raise} tells it. */
  | { readonly kind: "unseeded"; readonly keys: readonly string[] }
  /** The spans of the take are for another hour than the present one. */
  | { readonly kind: "other_hour"; readonly epochMs: number }
  /** The adapter does not know the replica, so it has lost what the replica held. */
  | { readonly kind: "unknown_replica" }
  /**
   * The counts began again a moment ago, and replicas still tell what they hold. A request whose ledgers need
   * their balances waits for this time.
   */
  | { readonly kind: "telling"; readonly waitMs: number };

/** What a request or an object holds: a slot, and a reservation of tokens and money in micro-dollars. */
export interface Holding {
  readonly id: string;
  /** A replica, or {@link NO_REPLICA}. */
  readonly owner: string;
  readonly keys: readonly string[];
  /** Whether it is a request that counts for the limit of requests at the same time. */
  readonly isRunning: boolean;
  readonly tokens: number;
  readonly micros: number;
  /** By how much it can cost more than `micros`. */
  readonly excessMicros: number;
}

/** What a request or an object has used, in tokens and micro-dollars. */
export interface Settlement {
  /** The id of its holding. */
  readonly id: string;
  readonly tokens: number;
  readonly micros: number;
  /** The hour in which the cost is booked, by its start in milliseconds since 1970. */
  readonly hour: number;
}

/** Events of this minute that hold nothing. */
export interface MinuteCount {
  readonly keys: readonly string[];
  readonly requests: number;
  readonly tokens: number;
}

/** What a ledger has used at least, by the database. */
export interface LedgerBalance {
  readonly key: string;
  readonly requests: number;
  readonly totalMicros: number;
  /** The hours that periods can need, by their starts in milliseconds since 1970. */
  readonly hours: readonly { readonly start: number; readonly micros: number }[];
  /** Whether it lacks hours that the adapter may need. Then the ledger does not become seeded. */
  readonly isPart?: boolean | undefined;
}

/** An address, or a group of addresses, that has to wait after wrong tokens. */
export interface GuessWait {
  readonly group: string;
  /** The rest of the wait, in milliseconds. */
  readonly waitMs: number;
}

/** A sign of life of a replica. */
export interface Renewal {
  readonly replica: string;
  /** The previous `waitsMark`, so that the adapter returns only new waits. `0` for all. */
  readonly waitsMark: number;
  /**
   * The ids of all that the replica holds. The adapter releases what else it knew of the replica, and then
   * needs {@link SharedLimits.hold} for what it has lost. What is released must be counted already, so a cost
   * that is not counted is held in its place first. `undefined` if nothing changes.
   */
  readonly heldIds?: readonly string[] | undefined;
}

/** What a replica learns when it renews what it holds. */
export interface RenewalResult {
  /** Whether the adapter knew the replica. If not, it has lost or released what the replica held. */
  readonly isKnown: boolean;
  /** The time of the adapter, in milliseconds since 1970. */
  readonly epochMs: number;
  readonly waits: readonly GuessWait[];
  readonly waitsMark: number;
}

/**
 * Counts that several replicas share. Each method is one round trip, and atomic. A method rejects if the
 * adapter cannot be reached; the counts may then have changed or not.
 *
 * What was taken counts with its reservation until what it used counts in its place, in one step. Nothing
 * else takes a reservation away, except {@link RESERVED_MS} without its replica. Counts that an adapter finds
 * after a restart may be old, so it begins again and keeps only what can be too low: spending.
 */
export interface SharedLimits {
  /** Checks the limits of a request and counts it for them, or changes nothing. */
  readonly take: (take: Take) => Promise<TakeResult>;
  /**
   * Sets what requests and objects hold, without a check. A holding with a known id replaces the earlier one.
   * A holding that is already there costs little. `minute` counts in the same step. A replica that is not
   * known stays unknown until it renews, and has no slots.
   */
  readonly hold: (holdings: readonly Holding[], minute?: MinuteCount) => Promise<void>;
  /**
   * Replaces a holding by what was used. Returns `false` and counts nothing if the holding is not known: it
   * is already settled, or lost.
   */
  readonly settle: (settlement: Settlement) => Promise<boolean>;
  /** Counts events of this minute. */
  readonly count: (minute: MinuteCount) => Promise<void>;
  /** Raises counts to at least these amounts. Ledgers that are not in parts are then no longer unseeded. */
  readonly raise: (balances: readonly LedgerBalance[]) => Promise<void>;
  /**
   * Keeps what a replica holds for {@link REPLICA_LIFETIME_MS}. Frees the slots of replicas that are silent,
   * and after {@link RESERVED_MS} more all that they held.
   */
  readonly renew: (renewal: Renewal) => Promise<RenewalResult>;
  /** Releases all that a replica holds. */
  readonly leave: (replica: string) => Promise<void>;
  /**
   * Counts a wrong token of a group of addresses. `guess` is a hash of it. Returns how long the group must
   * wait.
   */
  readonly guess: (group: string, guess: string) => Promise<GuessWait>;
  readonly close: () => Promise<void>;
}
