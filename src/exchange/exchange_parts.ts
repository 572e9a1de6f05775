import type { Cancellation } from "../cancellation.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";

/** What an exchange needs of the proxy around it. */
export interface ExchangeParts {
  readonly clock: Clock;
  readonly createId: () => string;
  /** An exchange begins. Its cancellation can end it. */
  readonly onStart: (cancellation: Cancellation) => void;
  /** The exchange has ended, with its last byte. Called once. */
  readonly onEnd: (cancellation: Cancellation) => void;
  /**
   * The record of an exchange is complete, with its usage. Called once after `onEnd`: at once, or after the last
   * piece of a compressed response was decompressed.
   */
  readonly onRecord: (record: ExchangeRecord, request: IncomingRequest) => void;
  /** An attempt failed, and the next one begins. */
  readonly onFailover: (failover: Failover) => void;
  /** A request is sent again within one attempt, because the backend had closed a kept connection. */
  readonly onResent: (resent: Omit<Failover, "next" | "detail">) => void;
  /** An error that the program did not expect: a bug. */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** An attempt that failed, and that another one followed. */
export interface Failover {
  /** The id of the exchange. */
  readonly id: string;
  readonly endpoint: string | undefined;
  readonly backend: string;
  /** The backend of the next attempt. It can be the same one. */
  readonly next: string;
  /** What went wrong, in words for people. */
  readonly detail: string;
}
