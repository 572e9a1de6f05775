/** The dependencies of a replica, and the results that it returns. */

import type { OnLoss } from "../../config/config.ts";
import type { Clock } from "../../time/clock.ts";
import type { Spans } from "../budget_calendar.ts";
import type { Reservation } from "../ledger.ts";
import type { Rejection } from "../rejection.ts";
import type { SharedHold } from "./shared_hold.ts";
import type { Balances, GuessWait, LimitedLedger, SharedLimits } from "./shared_limits.ts";

/** What a {@link Replica} needs from the rest of the program. */
export interface ReplicaParts {
  readonly limits: SharedLimits;
  readonly clock: Clock;
  /** How long a request waits for the shared counts, in milliseconds. */
  readonly timeoutMs: number;
  /** The id of this replica, which no other one has. */
  readonly id: string;
  /**
   * Writes the spending of this replica into the database, and returns the spending of these ledgers in the
   * database. The replica raises the shared counts to it.
   */
  readonly readBalances: (keys: ReadonlySet<string>) => Promise<Balances>;
  /**
   * Whether replicas with other counts use the same database, such as those of another version. What they
   * spend is only in the database.
   */
  readonly hasOtherCounts?: () => boolean;
  /** What happens to requests while the shared counts are lost, at first. Absent for `go_on`. */
  readonly onLoss?: OnLoss;
  /**
   * Called when the shared counts are lost or there again. The reason is a text for the log. `onLoss` is what
   * happens to requests now.
   */
  readonly onHealth: (health: "ok" | "failing", reason: string, onLoss: OnLoss) => void;
  /** Called with groups of addresses that must wait, because other replicas got wrong tokens from them. */
  readonly onWaits: (waits: readonly GuessWait[]) => void;
  /**
   * Called if the balances could not be read. The replica tries again later. The reason is a text for the
   * log.
   */
  readonly onFailed: (reason: string) => void;
}

/** A request that wants to run. */
export interface ReplicaTake {
  readonly ledgers: readonly LimitedLedger[];
  readonly reservation: Reservation;
  readonly isFree: boolean;
  readonly spansOf: (hour: number) => Spans;
}

/** Whether a request may run. */
export type ReplicaResult =
  | { readonly kind: "taken"; readonly held: SharedHold }
  | { readonly kind: "rejected"; readonly index: number; readonly rejection: Rejection }
  /** The shared counts cannot be reached, and the request has a budget. */
  | { readonly kind: "refused" };
