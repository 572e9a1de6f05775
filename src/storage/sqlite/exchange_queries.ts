/** Single exchanges in SQLite: how they are read. */

import {
  type AttemptRow,
  type ExchangeFilter,
  type ExchangeRow,
  type Listed,
  type Page,
  SETTLEMENTS,
  USAGE_SOURCES,
} from "../store.ts";
import { listed } from "./access_tables.ts";
import { commonConditions, conditionsOf } from "./conditions.ts";
import type { Database, Row } from "./database.ts";

/** Exchanges, newest first. */
export function listExchanges(
  database: Database,
  page: Page & ExchangeFilter,
): Listed<ExchangeRow & { id: number }> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ["started_at >= ?", page.from],
    ["started_at < ?", page.to],
    ["coalesce(model_answered, model_asked) = ?", page.model],
    ["status = ?", page.status],
    ["ending = ?", page.ending],
    ["? IN (request_id, provider_request_id)", page.requestId],
    ...commonConditions(page),
  ]);
  const rows = database.all(
    `SELECT * FROM exchanges ${text} ORDER BY seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return listed(rows, page, exchangeOf);
}

function exchangeOf(row: Row): ExchangeRow & { id: number } {
  const text = (column: string) => row[column] === null ? undefined : String(row[column]);
  const number = (column: string) => row[column] === null ? undefined : Number(row[column]);
  const settlement = SETTLEMENTS.find((one) => one === row["settlement"]);
  return {
    id: Number(row["seq"]),
    requestId: String(row["request_id"]),
    providerRequestId: text("provider_request_id"),
    startedAt: Number(row["started_at"]),
    durationMs: Number(row["duration_ms"]),
    firstByteMs: number("first_byte_ms"),
    method: String(row["method"]),
    path: String(row["path"]),
    endpoint: text("endpoint"),
    provider: text("provider"),
    backend: text("backend"),
    attempts: Number(row["attempts"]),
    attemptLog: row["attempt_log"] === null ? undefined : attemptsOf(String(row["attempt_log"])),
    status: Number(row["status"]),
    ending: String(row["ending"]),
    principal: String(row["principal"]),
    tokenId: text("token_id"),
    projectId: text("project_id"),
    metered: row["metered"] === 1,
    admitted: row["admitted"] === 1,
    client: String(row["client"]),
    stream: row["stream"] === null ? undefined : row["stream"] === 1,
    modelAsked: text("model_asked"),
    modelAnswered: text("model_answered"),
    stopReason: text("stop_reason"),
    inputTokens: number("input_tokens"),
    outputTokens: number("output_tokens"),
    cachedTokens: number("cached_tokens"),
    cacheWriteTokens: number("cache_write_tokens"),
    reasoningTokens: number("reasoning_tokens"),
    audioTokens: number("audio_tokens"),
    imageTokens: number("image_tokens"),
    partial: row["partial"] === 1,
    costMicros: number("cost_micros"),
    costIsPartial: row["cost_partial"] === 1,
    usageSource: USAGE_SOURCES.find((source) => source === row["usage_source"]),
    priceVersion: text("price_version"),
    bytes: Number(row["bytes"]),
    ...(settlement !== undefined && { settlement }),
  };
}

/** As it was written; JSON has no undefined. */
function attemptsOf(json: string): AttemptRow[] {
  const attempts: (Omit<AttemptRow, "detail"> & { detail?: string })[] = JSON.parse(json);
  return attempts.map(({ backend, afterMs, detail, estimated }) => ({
    backend,
    afterMs,
    detail,
    ...(estimated && { estimated }),
  }));
}
