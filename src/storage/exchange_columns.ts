/**
 * The columns of a recorded exchange. The database adapters and the management API make their columns, rows
 * and JSON members from this one table.
 */

import { type AttemptRow, type ExchangeRow, SETTLEMENTS, USAGE_SOURCES } from "./store.ts";

/**
 * The members of an exchange that a store keeps. The booking is added to the spending of its hour instead.
 */
export type StoredExchange = Omit<ExchangeRow, "booking">;

/**
 * What a column holds: text, a whole number, a number with a fraction, true or false, a time in milliseconds
 * since 1970, the list of attempts, or one of a list of texts. A database adapter picks the column type for
 * it.
 */
export type ColumnKind = "text" | "integer" | "real" | "boolean" | "time" | "attempts" | readonly string[];

type KindOf<Value> = [Value] extends [boolean] ? "boolean"
  : [Value] extends [number] ? "integer" | "real" | "time"
  : [Value] extends [readonly AttemptRow[]] ? "attempts"
  : string extends Value ? "text"
  : readonly Value[];

interface ColumnOf<Value> {
  /** The name of the column in the database. */
  readonly column: string;
  readonly kind: KindOf<NonNullable<Value>>;
  /**
   * The name in the JSON of the management API, if it is not the column's; `false` if the API does not show
   * it.
   */
  readonly api?: string | false;
  /**
   * Reads the member. Each column has its own function because V8 caches a property's place for each
   * function: a loop over `row[member]` takes 0.3 µs more for a row (measured 2026-11-29), which is 4 % of an
   * insert.
   */
  readonly value: (row: StoredExchange) => Value;
}

/**
 * Every column by its member of an exchange, in the order of the API's JSON. A member without a column, or
 * with a kind that does not fit its type, fails to compile. An undefined value is NULL in the database and
 * null in JSON.
 */
export const EXCHANGE_COLUMNS = {
  requestId: { column: "request_id", kind: "text", value: (row) => row.requestId },
  providerRequestId: { column: "provider_request_id", kind: "text", value: (row) => row.providerRequestId },
  startedAt: { column: "started_at", kind: "time", value: (row) => row.startedAt },
  durationMs: { column: "duration_ms", kind: "real", value: (row) => row.durationMs },
  firstByteMs: {
    column: "first_byte_ms",
    kind: "real",
    api: "time_to_first_byte_ms",
    value: (row) => row.firstByteMs,
  },
  method: { column: "method", kind: "text", value: (row) => row.method },
  path: { column: "path", kind: "text", value: (row) => row.path },
  endpoint: { column: "endpoint", kind: "text", value: (row) => row.endpoint },
  provider: { column: "provider", kind: "text", value: (row) => row.provider },
  backend: { column: "backend", kind: "text", value: (row) => row.backend },
  attempts: { column: "attempts", kind: "integer", value: (row) => row.attempts },
  attemptLog: { column: "attempt_log", kind: "attempts", value: (row) => row.attemptLog },
  status: { column: "status", kind: "integer", value: (row) => row.status },
  ending: { column: "ending", kind: "text", value: (row) => row.ending },
  principal: { column: "principal", kind: "text", value: (row) => row.principal },
  tokenId: { column: "token_id", kind: "text", value: (row) => row.tokenId },
  projectId: { column: "project_id", kind: "text", value: (row) => row.projectId },
  metered: { column: "metered", kind: "boolean", api: false, value: (row) => row.metered },
  admitted: { column: "admitted", kind: "boolean", api: false, value: (row) => row.admitted },
  client: { column: "client", kind: "text", value: (row) => row.client },
  stream: { column: "stream", kind: "boolean", value: (row) => row.stream },
  modelAsked: { column: "model_asked", kind: "text", value: (row) => row.modelAsked },
  requestBytes: { column: "request_bytes", kind: "integer", value: (row) => row.requestBytes },
  modelSent: { column: "model_sent", kind: "text", value: (row) => row.modelSent },
  modelAnswered: { column: "model_answered", kind: "text", value: (row) => row.modelAnswered },
  stopReason: { column: "stop_reason", kind: "text", value: (row) => row.stopReason },
  inputTokens: { column: "input_tokens", kind: "integer", value: (row) => row.inputTokens },
  outputTokens: { column: "output_tokens", kind: "integer", value: (row) => row.outputTokens },
  cachedTokens: { column: "cached_tokens", kind: "integer", value: (row) => row.cachedTokens },
  cacheWriteTokens: { column: "cache_write_tokens", kind: "integer", value: (row) => row.cacheWriteTokens },
  reasoningTokens: { column: "reasoning_tokens", kind: "integer", value: (row) => row.reasoningTokens },
  audioTokens: { column: "audio_tokens", kind: "integer", value: (row) => row.audioTokens },
  imageTokens: { column: "image_tokens", kind: "integer", value: (row) => row.imageTokens },
  partial: { column: "partial", kind: "boolean", api: "usage_partial", value: (row) => row.partial },
  costMicros: { column: "cost_micros", kind: "integer", value: (row) => row.costMicros },
  costIsPartial: {
    column: "cost_partial",
    kind: "boolean",
    api: "cost_is_partial",
    value: (row) => row.costIsPartial,
  },
  usageSource: { column: "usage_source", kind: USAGE_SOURCES, value: (row) => row.usageSource },
  settlement: { column: "settlement", kind: SETTLEMENTS, value: (row) => row.settlement },
  priceVersion: { column: "price_version", kind: "text", value: (row) => row.priceVersion },
  bytes: { column: "bytes", kind: "integer", value: (row) => row.bytes },
} as const satisfies { readonly [Member in keyof StoredExchange]-?: ColumnOf<StoredExchange[Member]> };

/** A column of {@link EXCHANGE_COLUMNS}, for code that reads or writes all columns in a loop. */
export interface ExchangeColumn extends Omit<ColumnOf<unknown>, "kind" | "value"> {
  readonly member: keyof StoredExchange;
  readonly kind: ColumnKind;
  readonly value: (row: StoredExchange) => StoredValue;
}
/** A value of any column of an exchange. */
export type StoredValue = StoredExchange[keyof StoredExchange];

// Object.keys gives strings; these are the keys of the constant above, which has every member.
const MEMBERS = Object.keys(EXCHANGE_COLUMNS) as (keyof StoredExchange)[];
/** All columns in the order of {@link EXCHANGE_COLUMNS}. */
export const EXCHANGE_COLUMN_LIST: readonly ExchangeColumn[] = MEMBERS.map((member) => ({
  member,
  ...EXCHANGE_COLUMNS[member],
}));
