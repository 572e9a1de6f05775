/** What the proxy knows of an exchange at its end. */

import type { FaultCode } from "./faults.ts";
import type { ExchangeRow } from "./storage/store.ts";

/**
 * How an exchange ended, as records have it: a `ResponseEnd` with the code of its fault. `client_gone`: the
 * client left, which is no fault of the proxy or the backend.
 */
export type Ending = "complete" | "client_gone" | FaultCode;

/**
 * What the proxy knows of an exchange at its end. The log, the metrics, the live feed, the trace and the row
 * of the database are all made from it. It holds no header value, query or body, and text of clients and
 * providers in it is harmless, short and without credentials.
 */
export interface ExchangeRecord {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** The client's address. */
  readonly client: string;
  readonly principal: string | undefined;
  /** The id of the managed token. `undefined` if the client used another token, or none. */
  readonly tokenId: string | undefined;
  readonly endpoint: string | undefined;
  /** The backend of the last attempt. `undefined` if there was no attempt. */
  readonly backend: string | undefined;
  /** The attempts in their order. A backend can have several. */
  readonly attempts: readonly AttemptRecord[];
  /** The status of the response. 499: the client left before its end, even if another status was sent. */
  readonly status: number;
  /** The number of bytes of the response's body that the proxy sent to the client. */
  readonly bytes: number;
  /** The time from the request to the head of the provider's response. `undefined` if no head arrived. */
  readonly firstByteMs: number | undefined;
  readonly durationMs: number;
  readonly ending: Ending;
  /** What went wrong, in words for people. */
  readonly detail: string | undefined;
  /**
   * What accounting knows. `undefined` if the management plane is off, the client was not identified, or
   * accounting reported a bug.
   */
  readonly usage: ExchangeUsage | undefined;
}

/** The members of a row that come from the {@link ExchangeRecord} itself. */
type RecordedMember =
  | "requestId"
  | "durationMs"
  | "firstByteMs"
  | "method"
  | "path"
  | "endpoint"
  | "backend"
  | "attempts"
  | "attemptLog"
  | "status"
  | "ending"
  | "bytes";

/**
 * What accounting knows of an exchange at its end: the model, its tokens and its cost, and who pays. A batch
 * or a background response is settled later (`settlement` is `awaited`), in a separate row.
 */
export type ExchangeUsage = Omit<ExchangeRow, RecordedMember>;

/** One attempt at one backend. */
export interface AttemptRecord {
  readonly backend: string;
  /** The time from the start of the exchange. */
  readonly afterMs: number;
  /** Why another attempt followed. `undefined` for the last attempt. */
  readonly detail: string | undefined;
  /**
   * The estimated usage of the attempt. `undefined` if the backend responded, or certainly did not work on
   * the request.
   */
  readonly estimated?: AttemptEstimate | undefined;
}

/** The estimated usage of an attempt whose backend did not respond in time. */
export interface AttemptEstimate {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly costMicros: number | undefined;
}
