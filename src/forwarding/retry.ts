/**
 * Says after which outcomes another attempt may follow, and what a response says of its backend. `forward.ts`
 * decides.
 */

import type { RetryPolicy } from "../config/config.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { TimeoutExpired } from "./timeouts.ts";
import { TransportError } from "./transport/transport.ts";

/** What an attempt brought: the head of a response, or an error. */
export type Outcome = { readonly response: { readonly status: number } } | { readonly error: unknown };

/**
 * Whether another attempt may follow: the response has one of the statuses that are retried, or no byte of an
 * answer had arrived when the attempt failed.
 */
export function canFailOver(outcome: Outcome, { statuses }: Pick<RetryPolicy, "statuses">): boolean {
  if ("response" in outcome) return statuses.has(outcome.response.status);
  const { error } = outcome;
  return error instanceof TimeoutExpired && !error.received ||
    error instanceof TransportError && !error.facts.received;
}

/** What a response says of its backend. Errors of the client, such as a 400, count as good. */
export type AnswerVerdict = "good" | "failure" | { readonly limitedMs: number };

/** Judges a backend by the head of its response. */
export function judgeAnswer(
  { status, fields }: { readonly status: number; readonly fields: readonly Field[] },
  { statuses }: RetryPolicy,
): AnswerVerdict {
  if (status === 429 || status === 529) {
    const limitedMs = retryAfterMs(fields);
    if (limitedMs !== undefined) return { limitedMs };
  }
  return statuses.has(status) || status >= 500 ? "failure" : "good";
}

/** A longer `retry-after` counts as a day. */
const LONGEST_LIMIT_MS = 24 * 3_600_000;

/**
 * The pause that a provider asks for, in milliseconds: OpenAI's `retry-after-ms`, or `retry-after` in seconds
 * or as a date (RFC 9110, 10.2.3), relative to the `date` of the response. Undefined: the response states none.
 */
export function retryAfterMs(fields: readonly Field[]): number | undefined {
  const milliseconds = plainNumber(fieldValue(fields, "retry-after-ms"));
  if (milliseconds !== undefined) return Math.min(milliseconds, LONGEST_LIMIT_MS);
  const text = fieldValue(fields, "retry-after");
  const seconds = plainNumber(text);
  if (seconds !== undefined) return Math.min(seconds * 1000, LONGEST_LIMIT_MS);
  const until = Date.parse(text ?? "") - Date.parse(fieldValue(fields, "date") ?? "");
  return Number.isNaN(until) ? undefined : Math.min(Math.max(0, until), LONGEST_LIMIT_MS);
}

function plainNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined;
}
