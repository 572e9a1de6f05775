/**
 * The observers of an exchange: the account measures its usage, and the objects learn what its response
 * creates.
 */

import type { Backend } from "../config/config.ts";
import type { AttemptEstimate, ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import type { Field } from "../http/fields.ts";

/** The head of a backend's response, as observers get it. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: readonly Field[];
}

/** Measures usage and cost of one exchange. */
export interface ExchangeAccount {
  /** Called when an attempt begins. */
  readonly onAttempt: () => void;
  /**
   * Returns the estimated usage of an attempt without a response, because the backend may have done the work.
   * Returns `undefined` if there is no estimate.
   */
  readonly onUnanswered: (backend: Backend, elapsedMs: number) => AttemptEstimate | undefined;
  /** Called when the head of a backend's response has arrived. */
  readonly onResponse: (response: ResponseHead, backend: Backend) => void;
  /** Called with the next piece of the response's body, which is valid during this call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Called with the next piece that the client sends on a WebSocket, which is valid during this call. */
  readonly onClientPiece: (piece: Uint8Array) => void;
  /**
   * Whether the response has shown its stop reason or end marker. A client that leaves afterwards counts as
   * complete.
   */
  readonly hasSeenEnd: () => boolean;
  /** Whether the request asks the provider to store a chat completion, as far as the request has passed. */
  readonly isStored: () => boolean;
  /**
   * Called once, when the exchange has ended. Settles the reservation, and returns the usage: as a promise
   * only if the response was compressed. Returns `undefined` if a bug prevented the count of the usage. The
   * bug is reported.
   */
  readonly settle: (
    record: ExchangeRecord,
  ) => ExchangeUsage | undefined | Promise<ExchangeUsage | undefined>;
}

/** Learns the stored objects that a response creates. */
export interface ExchangeObjects {
  /** Called when the head of a backend's response has arrived. */
  readonly onResponse: (response: ResponseHead, backend: Backend) => void;
  /** Called with the next piece of the response's body, which is valid during this call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Called when the response has ended. */
  readonly onEnd: () => void;
}
