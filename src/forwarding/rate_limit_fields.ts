/** Reads from the headers of a response for how long its provider wants no more requests. */

import { type Field, fieldValue } from "../http/fields.ts";

/** A longer pause counts as a day. */
const LONGEST_LIMIT_MS = 24 * 3_600_000;
/**
 * A reset above this number is a time since 1970: in milliseconds, as OpenRouter's resets are, or in seconds.
 */
const LEAST_EPOCH_MS = 1e12;
const LEAST_EPOCH_SECONDS = 1e9;

/**
 * The pause that a provider asks for, in milliseconds: OpenAI's `retry-after-ms`, or `retry-after` in seconds
 * or as a date (RFC 9110, 10.2.3), relative to the `date` of the response, or to the clock. Without either,
 * the latest reset of a limit that has nothing remaining. `undefined` if the response states none.
 */
export function requestedPauseMs(fields: readonly Field[], epochMs: number): number | undefined {
  return retryAfterMs(fields, epochMs) ?? resetMs(fields, epochMs);
}

/**
 * The pause of `retry-after-ms` or `retry-after`, in milliseconds. `undefined` if the response has neither.
 */
export function retryAfterMs(fields: readonly Field[], epochMs: number): number | undefined {
  const milliseconds = plainNumber(fieldValue(fields, "retry-after-ms"));
  if (milliseconds !== undefined) return bounded(milliseconds);
  const text = fieldValue(fields, "retry-after");
  const seconds = plainNumber(text);
  if (seconds !== undefined) return bounded(seconds * 1000);
  return bounded(dateOf(text) - responseTime(fields, epochMs));
}

/** When the response was made, by the clock that its dates are from. */
function responseTime(fields: readonly Field[], epochMs: number): number {
  const date = dateOf(fieldValue(fields, "date"));
  return Number.isNaN(date) ? epochMs : date;
}

/** Milliseconds until all limits with nothing remaining are full again. */
function resetMs(fields: readonly Field[], epochMs: number): number | undefined {
  let latest: number | undefined;
  for (const { remaining, resetMs } of remainingLimits(fields, epochMs)) {
    if (remaining === 0 && resetMs !== undefined) latest = Math.max(latest ?? 0, resetMs);
  }
  return latest;
}

/** One limit of a key, as the headers of a response state it. */
export interface RemainingLimit {
  /** The requests or LLM tokens that remain. */
  readonly remaining: number;
  /** The limit itself. `undefined` if the response does not state it. */
  readonly limit: number | undefined;
  /** Milliseconds until the limit is full again. `undefined` if the response does not state it. */
  readonly resetMs: number | undefined;
}

/** The limits that the headers of a response state. `epochMs` is the time in milliseconds since 1970. */
export function remainingLimits(fields: readonly Field[], epochMs: number): RemainingLimit[] {
  const limits: RemainingLimit[] = [];
  for (const { lower, value } of fields) {
    if (!lower.includes("ratelimit") || !lower.includes("remaining")) continue;
    const remaining = plainNumber(value);
    if (remaining === undefined || !isRemainingField(lower)) continue;
    const reset = fieldValue(fields, lower.replace("remaining", "reset"));
    limits.push({
      remaining,
      limit: plainNumber(fieldValue(fields, lower.replace("remaining", "limit"))),
      resetMs: reset === undefined ? undefined : durationOf(reset, responseTime(fields, epochMs)),
    });
  }
  return limits;
}

/**
 * Whether a header states what remains of a limit: `x-ratelimit-remaining-tokens` of OpenAI, Groq and
 * OpenRouter, or `anthropic-ratelimit-tokens-remaining`.
 */
function isRemainingField(lower: string): boolean {
  return lower.startsWith("x-ratelimit-remaining") ||
    lower.startsWith("anthropic-ratelimit-") && lower.endsWith("-remaining");
}

/** The units of Go's durations, which OpenAI and Groq write, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A reset: a duration like `6m0s` or `20ms`, seconds, a date (RFC 3339), or a time since 1970. */
function durationOf(text: string, now: number): number | undefined {
  const number = plainNumber(text);
  if (number !== undefined) {
    if (number > LEAST_EPOCH_MS) return bounded(number - now);
    return bounded(number * 1000 - (number > LEAST_EPOCH_SECONDS ? now : 0));
  }
  if (text.length < 40 && /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) {
    let sum = 0;
    for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
      sum += Number(amount) * (UNITS[unit] ?? 0);
    }
    return bounded(sum);
  }
  return bounded(dateOf(text) - now);
}

/** A date of HTTP or of RFC 3339. NaN: another text, some of which the runtime would take for a date. */
function dateOf(text: string | undefined): number {
  return text !== undefined && /^(?:[A-Z][a-z]{2,8},? |\d{4}-\d\d-\d\dT)/.test(text) ? Date.parse(text) : NaN;
}

function bounded(milliseconds: number): number | undefined {
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(0, milliseconds), LONGEST_LIMIT_MS);
}

function plainNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined;
}
