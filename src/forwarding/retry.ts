/**
 * The rules for retries: after which outcomes another attempt may follow, and what a response means for its
 * backend. `Attempts` (`attempts.ts`) applies them.
 */

import { factsOf, type Operation } from "../apis/operations.ts";
import { NON_CREATING_METHODS } from "../apis/operation_of.ts";
import type { RetryPolicy } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import type { Finding } from "./hidden_failure.ts";
import { requestedPauseMs, retryAfterMs } from "./rate_limit_fields.ts";
import { TimeoutExpired } from "./timeouts.ts";
import { TransportError } from "./transport/transport.ts";

/**
 * The outcome of an attempt: the head of a response with the finding in the start of its body, or an error.
 */
export type Outcome =
  | { readonly response: { readonly status: number }; readonly finding?: Finding | undefined }
  | {
    readonly error: unknown;
    /** Whether the response broke off before the client got a byte of it. */
    readonly wasHeldBack?: boolean | undefined;
  };

/**
 * Whether another attempt may follow. It may if the response has a status that is retried. After an error, it
 * may if the client has not got a byte of the response.
 */
export function canFailOver(outcome: Outcome, { statuses }: Pick<RetryPolicy, "statuses">): boolean {
  if ("response" in outcome) return statuses.has(outcome.finding?.status ?? outcome.response.status);
  const { error, wasHeldBack: wasHeldBack = false } = outcome;
  return error instanceof TimeoutExpired && (wasHeldBack || !error.received) ||
    error instanceof TransportError && (wasHeldBack || !error.facts.received);
}

/**
 * Statuses that mean that the upstream did nothing. It rejected the request because of a limit or its load,
 * or a server in front of it could not connect to it (Cloudflare's 521 to 523).
 */
const REFUSALS: ReadonlySet<number> = new Set([408, 425, 429, 521, 522, 523, 529]);

/** Whether the backend may have done what the request asks for, although the attempt failed. */
export function mayBeDone(outcome: Outcome): boolean {
  if ("response" in outcome) return !REFUSALS.has(outcome.response.status);
  const { error } = outcome;
  if (error instanceof TransportError) return error.facts.sent;
  return !(error instanceof TimeoutExpired && (error.phase === "connect" || error.phase === "tls"));
}

/**
 * Whether a second request of the same kind would make a second object, or would cost the same amount again.
 */
export function isCreation(method: string, operation: Operation): boolean {
  return factsOf(operation).isCreation === true && !NON_CREATING_METHODS.has(method);
}

/**
 * What a response means for its backend. Errors of the client, such as a 400, count as good. `nothing`
 * changes neither the health nor the pauses of the backend. `limitedMs` is how long the backend has to be
 * skipped.
 */
export type ResponseVerdict = "good" | "failure" | "nothing" | { readonly limitedMs: number };

/** Judges a backend by a response. `epochMs` is the time in milliseconds since 1970. */
export function judgeResponse(
  { status, fields }: { readonly status: number; readonly fields: readonly Field[] },
  { statuses, finding, epochMs }: Pick<RetryPolicy, "statuses"> & {
    readonly finding?: Finding | undefined;
    readonly epochMs: number;
  },
): ResponseVerdict {
  const meant = finding?.status ?? status;
  if (meant === 429 || meant === 529) {
    if (finding?.pauseMs === 0) return "nothing";
    const limitedMs = finding?.pauseMs ?? requestedPauseMs(fields, epochMs);
    if (limitedMs !== undefined) return { limitedMs };
  }
  if (meant === 503) {
    // A server that starts, drains or is overloaded knows best when it can serve again (RFC 9110, 15.6.4). A
    // cooldown that doubles with each 503 would skip it for longer. A pause of zero means nothing.
    const limitedMs = retryAfterMs(fields, epochMs);
    if (limitedMs !== undefined && limitedMs > 0) return { limitedMs };
  }
  return statuses.has(meant) || meant >= 500 ? "failure" : "good";
}
