/** Whether a failed attempt is followed by another one: decisions on plain facts. */

import type { RetryPolicy } from "../config/config.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { TimeoutExpired } from "./timeouts.ts";
import { TransportError } from "./transport/transport.ts";

/** Whether another backend may be asked after this failure: nothing of an answer was seen. */
export function mayTryAnother(error: unknown): boolean {
  return error instanceof TimeoutExpired && !error.received ||
    error instanceof TransportError && !error.facts.received;
}

/** What an answer says of the backend: a client's own fault says nothing. */
export type AnswerVerdict = "good" | "failure" | { readonly limitedMs: number };

/** Judges an answer's head. */
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

/** A provider that asks for more would better be asked again. */
const LONGEST_LIMIT_MS = 24 * 3_600_000;

/**
 * How long the provider wants to be left alone: `retry-after-ms` (OpenAI's), or `retry-after` in seconds or as a date
 * (RFC 9110, 10.2.3), which is taken against the answer's own `date`; undefined where it does not say.
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
