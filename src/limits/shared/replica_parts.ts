/** What a replica gets from the rest of the program, and what it answers. */

import type { Clock } from "../../time/clock.ts";
import type { Spans } from "../budget_calendar.ts";
import type { Reservation } from "../ledger.ts";
import type { Rejection } from "../rejection.ts";
import type { SharedHold } from "./shared_hold.ts";
import type { GuessWait, LedgerBalance, LimitedLedger, SharedLimits } from "./shared_limits.ts";

/** What a replica needs of the rest of the program. */
export interface ReplicaParts {
  readonly limits: SharedLimits;
  readonly clock: Clock;
  /** How long a request waits for the shared counts, in milliseconds. */
  readonly timeoutMs: number;
  /** The id of this replica, which no other one has. */
  readonly id: string;
  /**
   * Writes what this replica has spent into the database, and reads what these ledgers have spent there. The
   * replica raises the shared counts to it.
   */
  readonly readBalances: (keys: ReadonlySet<string>) => Promise<readonly LedgerBalance[]>;
  /** Called when the shared counts are lost or there again. The reason is a text for the log. */
  readonly onHealth: (health: "ok" | "failing", reason: string) => void;
  /** Called with addresses that must wait, because other replicas got wrong tokens from them. */
  readonly onWaits: (waits: readonly GuessWait[]) => void;
  /** Called if reading the balances failed. It is tried again. */
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
