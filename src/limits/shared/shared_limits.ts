/**
 * The counts that several replicas share. All values are plain data, so that an adapter can be another thread
 * or a server. All times are those of the adapter, because the clocks of replicas can differ.
 *
 * The database decides what was spent. The shared counts never have more spending than the database will
 * have. They can have less if an adapter lost its state, until {@link SharedLimits.raise} adds the
 * difference.
 */

import type { Limits } from "../../principal.ts";
import type { Spans } from "../budget_calendar.ts";
import type { Reservation } from "../ledger.ts";
import type { Rejection } from "../rejection.ts";

/**
 * The owner of reservations that belong to no replica, such as those of background responses. They never
 * expire.
 */
export const NO_REPLICA = "";

/** After this time without a sign of life of a replica, its slots are free. In milliseconds. */
export const REPLICA_LIFETIME_MS = 10_000;
/**
 * How long the tokens and the money of a silent replica stay reserved after its slots are free, in
 * milliseconds. The replica may only be slow, and providers still bill its requests.
 */
export const RESERVED_MS = 600_000;
/**
 * How long new counts may lack the holdings of replicas, in milliseconds. Every replica sends its holdings
 * within this time: it sends a sign of life every two seconds, and tries a lost server every second.
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
  /**
   * The adapter does not know what these ledgers have spent. It needs a call of {@link SharedLimits.raise}.
   */
  | { readonly kind: "unseeded"; readonly keys: readonly string[] }
  /** The spans of the take are for another hour than the present one. */
  | { readonly kind: "other_hour"; readonly epochMs: number }
  /** The adapter does not know the replica, so it has lost the holdings of the replica. */
  | { readonly kind: "unknown_replica" }
  /**
   * The counts are new, and replicas are still sending their holdings. A request whose ledgers need their
   * balances has to wait for this time.
   */
  | { readonly kind: "telling"; readonly waitMs: number };

/** What a request or an object holds: a slot, and a reservation of tokens and money in micro-dollars. */
export interface Holding {
  readonly id: string;
  /** A replica, or {@link NO_REPLICA}. */
  readonly owner: string;
  readonly keys: readonly string[];
  /** Whether the holding is a request, which counts for the limit of concurrent requests. */
  readonly isRunning: boolean;
  readonly tokens: number;
  readonly micros: number;
  /** By how much the request can cost more than `micros`. */
  readonly excessMicros: number;
}

/** What a request or an object has used, in tokens and micro-dollars. */
export interface Settlement {
  /** The id of the holding that the settlement replaces. */
  readonly id: string;
  readonly tokens: number;
  readonly micros: number;
  /** The hour in which the cost is booked, by its start in milliseconds since 1970. */
  readonly hour: number;
}

/** Requests and tokens of this minute that belong to no holding. */
export interface MinuteCount {
  readonly keys: readonly string[];
  readonly requests: number;
  readonly tokens: number;
}

/** The least that a ledger has used, by the database. */
export interface LedgerBalance {
  readonly key: string;
  readonly requests: number;
  readonly totalMicros: number;
  /** The hours that periods can need, by their starts in milliseconds since 1970. */
  readonly hours: readonly { readonly start: number; readonly micros: number }[];
  /** Whether the balance lacks hours that the adapter may need. The ledger then stays unseeded. */
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
  /**
   * The `waitsMark` of the previous result, so that the adapter returns only newer waits. `0` for all waits.
   */
  readonly waitsMark: number;
  /**
   * The ids of all holdings of the replica. The adapter releases all other holdings of the replica, and
   * expects a call of {@link SharedLimits.hold} for those that it does not know. A cost that is not counted
   * must get a holding before its request is released here. `undefined` leaves all holdings as they are.
   */
  readonly heldIds?: readonly string[] | undefined;
}

/** The answer to a sign of life of a replica. */
export interface RenewalResult {
  /** Whether the adapter knew the replica. If not, it has lost or released the holdings of the replica. */
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
 * A request counts with its reservation until its usage replaces the reservation, in one step. A reservation
 * ends in no other way, except that its replica is silent for {@link RESERVED_MS}. After a restart, an
 * adapter may find old counts. It then begins with empty counts, and keeps only the spending, which can be
 * too low but never too high.
 */
export interface SharedLimits {
  /** Checks the limits of a request and counts it for them, or changes nothing. */
  readonly take: (take: Take) => Promise<TakeResult>;
  /**
   * Sets the holdings of requests and objects, without a check. A holding with a known id replaces the
   * earlier one; to send an unchanged holding again costs little. `minute` counts in the same step. A replica
   * that the adapter does not know stays unknown until it renews, and has no slots.
   */
  readonly hold: (holdings: readonly Holding[], minute?: MinuteCount) => Promise<void>;
  /**
   * Replaces a holding by the usage. Returns `false` and counts nothing if the adapter does not know the
   * holding, because it is settled or lost.
   */
  readonly settle: (settlement: Settlement) => Promise<boolean>;
  /** Counts requests and tokens of this minute that belong to no holding. */
  readonly count: (minute: MinuteCount) => Promise<void>;
  /** Raises counts to at least these amounts. A ledger is then seeded, unless its balance is only a part. */
  readonly raise: (balances: readonly LedgerBalance[]) => Promise<void>;
  /**
   * Keeps the holdings of a replica for {@link REPLICA_LIFETIME_MS}. Frees the slots of silent replicas.
   * After a further {@link RESERVED_MS}, releases all their holdings.
   */
  readonly renew: (renewal: Renewal) => Promise<RenewalResult>;
  /** Releases all holdings of a replica, which ends. */
  readonly leave: (replica: string) => Promise<void>;
  /**
   * Counts a wrong token of a group of addresses. `guess` is a hash of the token. Returns how long the group
   * must wait.
   */
  readonly guess: (group: string, guess: string) => Promise<GuessWait>;
  readonly close: () => Promise<void>;
}
