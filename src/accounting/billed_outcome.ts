/** The outcome of an attempt, as far as its cost depends on it. */

import { recognisedPath } from "../apis/operation_of.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import { BYTES_PER_TOKEN } from "./estimates/bytes_per_token.ts";
import type { ResponseProgress } from "./estimates/estimate.ts";
import { bytesPerToken, mediaOf, NO_MEDIA } from "./estimates/media_estimate.ts";
import type { ResponseSummary } from "./taps/response_summary.ts";

/** How an attempt ended, and how much of its response arrived. */
export interface BilledOutcome extends ResponseProgress {
  /** Whether the response may come from a model, and is no error. */
  readonly isGood: boolean;
}

/** The facts about the last attempt of an exchange. */
export interface SeenAttempt {
  /** Absent before the headers of the response. */
  readonly status: number | undefined;
  /** The backend that responded. Absent before the headers of its response. */
  readonly backend: Backend | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly facts: RequestFacts;
  /** The media type of the response. Empty before its headers. */
  readonly mediaType: string;
  /** The path of the request. */
  readonly path: string;
  /** The time without visible output, in milliseconds. */
  readonly unseenMs: number;
  /** The speed of the model, in tokens per millisecond. */
  readonly tokensPerMs: number;
}

/**
 * Returns the backend that bills the last attempt of an exchange, and the outcome of this attempt.
 * `undefined` if no backend can have worked.
 */
export function lastOutcome(
  seen: SeenAttempt,
  { record, summary }: { readonly record: ExchangeRecord; readonly summary: ResponseSummary },
): { readonly backend: Backend; readonly outcome: BilledOutcome } | undefined {
  const { usage, stopReason } = summary;
  const { facts } = seen;
  const last = record.attempts.at(-1);
  const isGood = seen.status === undefined
    // Between two attempts, no backend works.
    ? record.ending === "client_gone" && last?.detail === undefined && last?.estimated === undefined
    : seen.status < 400;
  // The provider may have generated a response, although the client did not wait for it.
  const backend = seen.backend ??
    (isGood ? seen.endpoint?.backends.find(({ name }) => name === record.backend) : undefined);
  if (backend === undefined) return undefined;
  const outcome = {
    isGood,
    isAnswered: seen.backend !== undefined,
    // A background response is generated to its end, and can be fetched later.
    isComplete: record.ending === "complete" || facts.background === true,
    // With several choices, a stop reason ends only one of them.
    hasStopped: stopReason !== undefined && ((facts.choices ?? 1) === 1 || usage.outputTokens !== undefined),
    textTokens: summary.textTokens,
    texts: summary.texts,
    unreportedTextTokens: summary.unreportedTextTokens,
    isStream: summary.isStream === true,
    bytes: record.bytes,
    bytesPerToken: bytesPerToken(seen.mediaType, recognisedPath(seen.path).operation),
    media: mediaOf(summary, record.bytes),
    durationMs: record.durationMs - (last?.afterMs ?? 0),
    unseenMs: seen.unseenMs,
    tokensPerMs: seen.tokensPerMs,
  };
  return { backend, outcome };
}

/** Returns the outcome of an attempt that got no response within a timeout. */
export function unansweredOutcome(
  { elapsedMs, tokensPerMs }: { readonly elapsedMs: number; readonly tokensPerMs: number },
): BilledOutcome {
  return {
    isGood: true,
    isAnswered: false,
    isComplete: false,
    hasStopped: false,
    textTokens: undefined,
    texts: undefined,
    unreportedTextTokens: undefined,
    isStream: false,
    bytes: 0,
    bytesPerToken: BYTES_PER_TOKEN,
    media: NO_MEDIA,
    durationMs: elapsedMs,
    unseenMs: elapsedMs,
    tokensPerMs,
  };
}
