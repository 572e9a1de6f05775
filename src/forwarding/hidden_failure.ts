/**
 * Finds what the head of a response does not say: an event stream that begins with an error or has no event,
 * and why a provider rejected a request with a 429.
 */

import { type Field, fieldValue } from "../http/fields.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import { EventStreamScanner } from "../payload/event_stream_scanner.ts";
import { essenceOf, isEventStream } from "../payload/media_type.ts";
import { LONGEST_COOLDOWN_MS } from "./backend_health.ts";
import type { PeekedBody } from "./peeked_body.ts";

/** What the first bytes of a body report. `{}`: nothing that the head does not say. */
export interface Finding {
  /** The status that the response would have had, if its failure had been known earlier. */
  readonly status?: number;
  /** Why the response counts as a failure, as the end of a sentence about the backend. */
  readonly detail?: string;
  /**
   * For how long the backend wants no more requests, in milliseconds. 0: the request alone exceeds the limit,
   * so that a retry at this backend fails again.
   */
  readonly pauseMs?: number;
}

/** The most bytes that are read of a response before the client gets it. */
const MAX_BYTES = 16 * 1024;
/** How long the first event may take after the head. The client gets the response unread after that. */
const FIRST_EVENT_MS = 10_000;
/** How long the body of an error may take after the head. */
const ERROR_BODY_MS = 2_000;

const EMPTY_STREAM: Finding = { status: 502, detail: "sent an event stream without an event" };

/** Whether a response may hide a failure that {@link hiddenFailure} finds. */
export function mayHideFailure(
  { status, fields, body }: { status: number; fields: readonly Field[]; body: unknown },
): boolean {
  if (body === null || fieldValue(fields, "content-encoding") !== undefined) return false;
  return status === 200 ? isEventStream(fields) : status === 429 && essenceOf(fields).includes("json");
}

/**
 * Reads the beginning of a response for which {@link mayHideFailure} is true. Throws if the body breaks off.
 */
export function hiddenFailure(status: number, body: PeekedBody): Promise<Finding> {
  return status === 429 ? rejection(body) : firstEvent(body);
}

async function firstEvent(body: PeekedBody): Promise<Finding> {
  const decoder = new TextDecoder();
  let text = "";
  let first: Finding | undefined;
  const scanner = new EventStreamScanner({
    write(bytes, from, to) {
      if (first === undefined) text += decoder.decode(bytes.subarray(from, to), { stream: true });
    },
    reset() {
      if (first !== undefined || text.trim() === "") return;
      // Anthropic's pings say nothing of the response.
      const event = jsonObject(text);
      if (event?.["type"] !== "ping") first = text.trim() === "[DONE]" ? EMPTY_STREAM : errorOf(event);
      text = "";
    },
  });
  let raw = "";
  const isFirst = (piece: Uint8Array): boolean => {
    scanner.write(piece);
    raw += decodeLatin1(piece);
    return first !== undefined;
  };
  const end = await body.peek(isFirst, { maxBytes: MAX_BYTES, deadlineMs: FIRST_EVENT_MS });
  if (first !== undefined) return first;
  // Other content under this type is for the client.
  return end === "ended" && hasNoContent(raw) ? EMPTY_STREAM : {};
}

/** Whether a stream has only comments and empty lines. */
function hasNoContent(stream: string): boolean {
  return stream.split(/[\r\n]/).every((line) => line === "" || line.startsWith(":"));
}

/**
 * The statuses of Anthropic's error types in streams (https://docs.anthropic.com/en/api/errors), and
 * OpenAI's.
 */
const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ["overloaded_error", 529],
  ["rate_limit_error", 429],
  ["rate_limit_exceeded", 429],
  ["timeout_error", 504],
  ["api_error", 500],
  ["server_error", 500],
  ["invalid_request_error", 400],
  ["invalid_prompt", 400],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
]);

/**
 * The error of an event, in the dialects of Anthropic, OpenAI (chat and responses), OpenRouter, Gemini and
 * vLLM.
 */
function errorOf(event: Readonly<Record<string, unknown>> | undefined): Finding {
  if (event === undefined) return {};
  const isError = event["type"] === "error" || event["object"] === "error";
  const response = record(event["response"]);
  const error = record(event["error"]) ??
    (event["type"] === "response.failed" ? record(response?.["error"]) ?? {} : undefined) ??
    (isError ? event : undefined);
  if (error === undefined) return {};
  const status = statusOf(error);
  return { status, detail: `began its event stream with an error (status ${status})` };
}

function statusOf({ code, status, type }: Readonly<Record<string, unknown>>): number {
  for (const value of [code, status]) {
    if (typeof value === "number" && value >= 400 && value < 600) return value;
  }
  return STATUSES.get(type) ?? STATUSES.get(code) ?? 500;
}

/** Why a provider rejected a request with a 429, if a pause does not help, or the body states the pause. */
async function rejection(body: PeekedBody): Promise<Finding> {
  const decoder = new TextDecoder();
  let text = "";
  const keep = (piece: Uint8Array): boolean => {
    text += decoder.decode(piece, { stream: true });
    return false;
  };
  await body.peek(keep, { maxBytes: MAX_BYTES, deadlineMs: ERROR_BODY_MS });
  const error = record(jsonObject(text)?.["error"]);
  if (error === undefined) return {};
  const { code, type, message, details } = error;
  const said = typeof message === "string" ? message : "";
  if (code === "request_too_large" || type === "request_too_large" || isTooLarge(said)) return { pauseMs: 0 };
  if (code === "insufficient_quota" || type === "insufficient_quota") return { pauseMs: LONGEST_COOLDOWN_MS };
  const pauseMs = retryDelayMs(details);
  return pauseMs === undefined ? {} : { pauseMs };
}

/** OpenAI and Groq: `Request too large for … on tokens per min (TPM): Limit 30000, Requested 41000`. */
function isTooLarge(message: string): boolean {
  if (/^request too large/i.test(message)) return true;
  const [, limit, requested] = /limit:? (\d{1,15}),.{0,80}?requested:? (\d{1,15})/i.exec(message) ?? [];
  // The limit counts a minute, so a request that exceeds it alone never fits.
  return limit !== undefined && Number(requested) > Number(limit);
}

/** Google's `RetryInfo`: `"retryDelay": "35s"`. */
function retryDelayMs(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details) {
    const delay = record(detail)?.["retryDelay"];
    const [, seconds] = typeof delay === "string" ? /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(delay) ?? [] : [];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return undefined;
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return record(value) ?? (Array.isArray(value) ? record(value[0]) : undefined);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    // A JSON object has only strings as keys.
    ? value as Readonly<Record<string, unknown>>
    : undefined;
}
