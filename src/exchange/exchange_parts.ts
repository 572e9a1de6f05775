import type { Cancellation } from "../cancellation.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { IncomingRequest } from "../http/message.ts";
import type { Clock } from "../time/clock.ts";

/** What an exchange needs of the proxy around it. */
export interface ExchangeParts {
  readonly clock: Clock;
  readonly createId: () => string;
  /** Called when an exchange begins, with the cancellation that can end it. */
  readonly onStart: (cancellation: Cancellation) => void;
  /**
   * Called once, when the exchange has ended: with the last byte of a response, or before the proxy sends its
   * own error.
   */
  readonly onEnd: (cancellation: Cancellation) => void;
  /**
   * Called once with the complete record of an exchange and its usage, after `onEnd`: at once, or after the
   * last piece of a compressed response was decompressed.
   */
  readonly onRecord: (record: ExchangeRecord, request: IncomingRequest) => void;
  /** Called when an attempt failed, and the next attempt begins. */
  readonly onFailover: (failover: Failover) => void;
  /**
   * Called when a request is sent again within one attempt, because the backend had closed a kept connection.
   */
  readonly onResent: (resent: Omit<Failover, "next" | "detail">) => void;
  /** Called with an error that the program did not expect, which is a bug. */
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
