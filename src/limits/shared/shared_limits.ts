/**
 * The counts that several replicas share. All values are plain data, so that an adapter can be another thread
 * or a server. All times are those of the adapter, because the clocks of replicas can differ.
 *
 * The database is the truth of what was spent. What it lacks, because a row waits for its write, is in pages:
 * each replica adds its costs to its present page, and the database says up to which page of a replica it has
 * all costs. So a cost is in the balance of the database or on a page that the database does not have, and
 * never in both, in any order of messages.
 *
 * A message may arrive long after its sender stopped waiting. Each therefore has the number of the session of
 * its replica. A replica begins a session when it tells all that it holds, and messages of earlier sessions
 * hold nothing any more.
 */

import type { Limits } from "../../principal.ts";
import type { Spans } from "../budget_calendar.ts";
import type { Reservation } from "../ledger.ts";
import type { Rejection } from "../rejection.ts";

/**
 * The owner of reservations that belong to no replica, such as those of background responses. They end if no
 * replica tells them for {@link UNTOLD_MS}.
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
 * How often every replica tells the reservations again that belong to no replica. In milliseconds.
 */
export const TELL_AGAIN_MS = 3_600_000;
/**
 * How long a reservation that belongs to no replica stays without being told, in milliseconds. A killed
 * replica may have been the only one that knew that its object has ended.
 */
export const UNTOLD_MS = 3 * TELL_AGAIN_MS;
/**
 * How long new counts may lack the holdings of replicas, in milliseconds. Every replica sends its holdings
 * within this time: it sends a sign of life every two seconds, and tries a lost server every second.
 */
export const TELLING_MS = 4_000;

/** The sender of a message. */
export interface Sender {
  readonly replica: string;
  /** Grows each time the replica tells all that it holds. */
  readonly session: number;
}

/**
 * What requests have cost that a replica has on one page, for one ledger and hour. It is a sum that only
 * grows, so a message that arrives twice, late or in another order changes nothing.
 */
export interface Cost {
  readonly key: string;
  /** The number of the page. The pages of a replica are numbered from 1. */
  readonly page: number;
  /** The hour in which the costs are booked, by its start in milliseconds since 1970. */
  readonly hour: number;
  readonly micros: number;
}

/** One ledger of a request, with the limits that it must not exceed. */
export interface LimitedLedger {
  readonly key: string;
  readonly limits: Limits;
  readonly maxRequests: number | undefined;
}

/** A request that wants to run. It counts for all of its ledgers, or for none. */
export interface Take {
  readonly from: Sender;
  /** The id of what the request holds while it runs. */
  readonly id: string;
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
  /**
   * The adapter does not know the session of the replica: it has lost what the replica held, or the replica
   * has begun another session.
   */
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

/** What holdings or costs a replica tells. */
export interface Told {
  readonly from: Sender;
  /** They are set, without a check. A holding with a known id replaces the earlier one. */
  readonly holdings: readonly Holding[];
  readonly costs: readonly Cost[];
}

/** What a request or an object has used. */
export interface Settlement {
  readonly from: Sender;
  /** The id of its holding. */
  readonly id: string;
  readonly tokens: number;
  /** The sums that its cost belongs to. They include it. */
  readonly costs: readonly Cost[];
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
  /** Whether the next message has more hours. Then the ledger keeps all pages. */
  readonly hasMore?: boolean | undefined;
}

/** What ledgers have used, by the database. */
export interface Balances {
  readonly balances: readonly LedgerBalance[];
  /**
   * By replica: the last page whose costs are in the balances, with those of all pages before. It may be
   * lower.
   */
  readonly pages: Readonly<Record<string, number>>;
}

/** Balances for the shared counts. */
export interface Raise extends Balances {
  /** The sender when it began to read the balances. */
  readonly from: Sender;
}

/** An address, or a group of addresses, that has to wait after wrong tokens. */
export interface GuessWait {
  readonly group: string;
  /** The rest of the wait, in milliseconds. */
  readonly waitMs: number;
}

/** A sign of life of a replica. */
export interface Renewal {
  readonly from: Sender;
  /** The previous `waitsMark`, so that the adapter returns only new waits. `0` for all. */
  readonly waitsMark: number;
  /**
   * The ids of all that the replica holds. The adapter releases what else it knew of the replica, and then
   * needs {@link SharedLimits.hold} for what it has lost. The replica tells its costs before, because they
   * count in place of what is released. `undefined` if nothing changes.
   */
  readonly heldIds?: readonly string[] | undefined;
}

/** The answer to a sign of life of a replica. */
export interface RenewalResult {
  /** Whether the adapter knew the session. If not, it may have lost or released what the replica held. */
  readonly isKnown: boolean;
  /** The time of the adapter, in milliseconds since 1970. */
  readonly epochMs: number;
  readonly waits: readonly GuessWait[];
  readonly waitsMark: number;
  /** Whether silent replicas have more slots than the adapter frees at once. The next renewal frees them. */
  readonly hasMore?: boolean;
}

/**
 * Counts that several replicas share. Each method is one round trip, and atomic. A method rejects if the
 * adapter cannot be reached; the counts may then have changed or not, and may still change later.
 *
 * What was taken counts with its reservation until what it used counts in its place, in one step. Nothing
 * else takes a reservation away, except {@link RESERVED_MS} without its replica. Counts that an adapter finds
 * after a restart may be old, so it begins again.
 */
export interface SharedLimits {
  /** Checks the limits of a request and counts it for them, or changes nothing. */
  readonly take: (take: Take) => Promise<TakeResult>;
  /**
   * Sets holdings, and adds costs. What is already there costs little. A replica that is not known stays
   * unknown until it renews, and has no slots. Holdings of an earlier session are ignored. If a replica tells
   * costs after it was forgotten or has left, their ledgers are unseeded again.
   */
  readonly hold: (told: Told) => Promise<void>;
  /**
   * Adds costs, and releases the holding. Returns `false` if the holding is not known, because it is already
   * settled, or lost, or told in a later session. Its tokens then do not count.
   */
  readonly settle: (settlement: Settlement) => Promise<boolean>;
  /** Counts requests and tokens of this minute that belong to no holding. */
  readonly count: (minute: MinuteCount) => Promise<void>;
  /**
   * Raises counts to at least these amounts, and removes the pages that are in them, and what no period and
   * no replica needs any more. Ledgers that are not in
   * parts are then no longer unseeded, if the session of the sender is the present one.
   */
  readonly raise: (raise: Raise) => Promise<void>;
  /**
   * Keeps what a replica holds for {@link REPLICA_LIFETIME_MS}, unless the message is of an earlier session.
   * Frees the slots of replicas that are silent, and after {@link RESERVED_MS} more all that they held. A
   * replica whose session is known also ends the reservations of no replica that were not told for
   * {@link UNTOLD_MS}, but not while a replica that has just become silent may tell them again. If the clock
   * of the adapter was set back, all of these times begin again.
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
