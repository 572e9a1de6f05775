/** What observes an exchange: the account measures its usage, and the objects learn what its response creates. */

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
  /** An attempt begins. */
  readonly attempted: () => void;
  /**
   * Returns the estimated use of an attempt that timed out: the backend may have done the work. Undefined: no
   * estimate.
   */
  readonly unanswered: (backend: Backend, elapsedMs: number) => AttemptEstimate | undefined;
  /** The head of a backend's response has come. */
  readonly answered: (response: ResponseHead, backend: Backend) => void;
  /** The next piece of the response's body, which is valid during this call. */
  readonly passed: (piece: Uint8Array) => void;
  /** The next piece that the client sends on a WebSocket, which is valid during this call. */
  readonly sent: (piece: Uint8Array) => void;
  /**
   * Whether the response has shown its stop reason or end marker. A client that leaves afterwards counts as
   * complete.
   */
  readonly hasSeenEnd: () => boolean;
  /** Whether the request asks the provider to store a chat completion, as far as the request has passed. */
  readonly isStored: () => boolean;
  /**
   * The exchange has ended. Called once. Settles what was reserved, and returns the usage: a promise only if the
   * response was compressed. Undefined: the usage could not be worked out, which is a bug and was reported.
   */
  readonly settle: (
    record: ExchangeRecord,
  ) => ExchangeUsage | undefined | Promise<ExchangeUsage | undefined>;
}

/** Learns the stored objects that a response creates. */
export interface ExchangeObjects {
  /** The head of a backend's response has come. */
  readonly answered: (response: ResponseHead, backend: Backend) => void;
  /** The next piece of the response's body, which is valid during this call. */
  readonly passed: (piece: Uint8Array) => void;
  /** The response has ended. */
  readonly ended: () => void;
}
