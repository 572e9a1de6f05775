/** Errors on their way from one thread to another. */

import { type FaultCode, type LimitReached, ProxyFault } from "../faults.ts";
import { StoreError } from "../storage/store.ts";

/** An error as plain data, which a message between threads can carry. */
export type SentError =
  | {
    readonly kind: "fault";
    readonly code: FaultCode;
    readonly message: string;
    readonly retryAfterSeconds: number | undefined;
    readonly limit: LimitReached | undefined;
  }
  | { readonly kind: "store"; readonly storeKind: StoreError["kind"]; readonly message: string }
  | { readonly kind: "other"; readonly message: string; readonly stack: string | undefined };

/**
 * Converts an error to plain data. The other thread makes an error of the same class from it with
 * {@link receivedError}.
 */
export function sentError(error: unknown): SentError {
  if (error instanceof ProxyFault) {
    const { code, message, retryAfterSeconds, limit } = error;
    return { kind: "fault", code, message, retryAfterSeconds, limit };
  }
  if (error instanceof StoreError) return { kind: "store", storeKind: error.kind, message: error.message };
  if (!(error instanceof Error)) return { kind: "other", message: String(error), stack: undefined };
  return { kind: "other", message: error.message, stack: error.stack };
}

/** Makes the error that {@link sentError} converted. */
export function receivedError(sent: SentError): Error {
  switch (sent.kind) {
    case "fault": {
      const { code, message, retryAfterSeconds, limit } = sent;
      return new ProxyFault(code, message, {
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        ...(limit !== undefined && { limit }),
      });
    }
    case "store":
      return new StoreError(sent.storeKind, sent.message);
    case "other": {
      const error = new Error(sent.message);
      if (sent.stack !== undefined) error.stack = sent.stack;
      return error;
    }
    default:
      return sent satisfies never;
  }
}
