/** Exchanges and their sums in SQLite: how they are read, and thinned out. */

import type {
  ExchangeFilter,
  ExchangeRow,
  Listed,
  Page,
  Spending,
  UsageFilter,
  UsageGroup,
  UsageRow,
} from "../store.ts";
import { listed } from "./access_tables.ts";
import type { Database, Row } from "./database.ts";
import { HOUR_MS, KEY_COLUMNS, SUM_COLUMNS } from "./exchange_tables.ts";

const DAY_MS = 24 * HOUR_MS;

/** The expression of each group. */
const GROUPS: Record<UsageGroup, string> = {
  model: "model",
  day: "strftime('%Y-%m-%d', start / 1000, 'unixepoch')",
  hour: "strftime('%Y-%m-%dT%H:00Z', start / 1000, 'unixepoch')",
  // Those of the configuration have no id but their name.
  token: "CASE token_id WHEN '' THEN principal ELSE token_id END",
  project: "usage.project_id",
  endpoint: "endpoint",
  client: "client",
};
/** People's names for what is grouped by an id. */
const NAMES: Partial<Record<UsageGroup, string>> = {
  token: "(SELECT name FROM tokens WHERE id = usage.token_id)",
  project: "(SELECT name FROM projects WHERE id = usage.project_id)",
};

/** The sums of each group; of all together where there is none. */
export function readUsage(
  database: Database,
  group: UsageGroup | undefined,
  filter: UsageFilter,
): UsageRow[] {
  const { from, to } = filter;
  const where: Conditions = [
    ["start >= ?", from === undefined ? undefined : from - from % HOUR_MS],
    ["start < ?", to],
    ["model = ?", filter.model],
    ...commonConditions(filter),
  ];
  const key = group === undefined ? "''" : GROUPS[group];
  const name = group === undefined ? undefined : NAMES[group];
  const order = group === "day" || group === "hour" ? "key" : "cost_micros DESC, requests DESC, key";
  const { text, values } = conditionsOf(where);
  const rows = database.all(
    `SELECT ${key} AS key, ${name ?? "NULL"} AS name,
       ${SUM_COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ")}
     FROM usage ${text} ${group === undefined ? "" : "GROUP BY 1"} ORDER BY ${order}`,
    ...values,
  );
  return rows.map((row) => ({
    key: String(row["key"]),
    name: row["name"] === null ? undefined : String(row["name"]),
    requests: Number(row["requests"]),
    errors: Number(row["errors"]),
    inputTokens: Number(row["input_tokens"]),
    outputTokens: Number(row["output_tokens"]),
    cachedTokens: Number(row["cached_tokens"]),
    cacheWriteTokens: Number(row["cache_write_tokens"]),
    reasoningTokens: Number(row["reasoning_tokens"]),
    audioTokens: Number(row["audio_tokens"]),
    imageTokens: Number(row["image_tokens"]),
    costMicros: Number(row["cost_micros"]),
    unpriced: Number(row["unpriced"]),
    unmetered: Number(row["unmetered"]),
    bytes: Number(row["bytes"]),
    durationMs: Number(row["duration_ms"]),
  }));
}

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

type Conditions = (readonly [condition: string, value: string | number | undefined])[];

function commonConditions({ projectId, tokenId, endpoint, client }: UsageFilter): Conditions {
  return [
    ["project_id = ?", projectId],
    // Those of the configuration have no id but their name.
    ["CASE coalesce(token_id, '') WHEN '' THEN principal ELSE token_id END = ?", tokenId],
    ["endpoint = ?", endpoint],
    ["client = ?", client],
  ];
}

function conditionsOf(conditions: Conditions): { text: string; values: (string | number)[] } {
  const given = conditions.flatMap(([condition, value]) => value === undefined ? [] : [{ condition, value }]);
  return {
    text: given.length === 0 ? "" : `WHERE ${given.map(({ condition }) => condition).join(" AND ")}`,
    values: given.map(({ value }) => value),
  };
}

function exchangeOf(row: Row): ExchangeRow & { id: number } {
  const text = (column: string) => row[column] === null ? undefined : String(row[column]);
  const number = (column: string) => row[column] === null ? undefined : Number(row[column]);
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
    status: Number(row["status"]),
    ending: String(row["ending"]),
    principal: String(row["principal"]),
    tokenId: text("token_id"),
    projectId: text("project_id"),
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
    priceVersion: text("price_version"),
    bytes: Number(row["bytes"]),
  };
}

/** What every token, project and token of the configuration has used. */
export function readSpending(database: Database, { day, month }: { day: number; month: number }): Spending[] {
  const keys = {
    token: ["'token:' || token_id", "token_id <> ''"],
    project: ["'project:' || project_id", "project_id <> ''"],
    shared: ["'shared:' || principal", "token_id = ''"],
  } as const;
  return Object.values(keys).flatMap(([key, condition]) =>
    database.all(
      `SELECT ${key} AS key, sum(admitted) AS requests, sum(cost_micros) AS total,
         sum(CASE WHEN start >= ? THEN cost_micros ELSE 0 END) AS day,
         sum(CASE WHEN start >= ? THEN cost_micros ELSE 0 END) AS month
       FROM usage WHERE ${condition} GROUP BY 1`,
      day,
      month,
    ).map((row) => ({
      key: String(row["key"]),
      requests: Number(row["requests"]),
      dayMicros: Number(row["day"]),
      monthMicros: Number(row["month"]),
      totalMicros: Number(row["total"]),
    }))
  );
}

/** Drops exchanges that began before a moment, and keeps their sums by the day instead of by the hour. */
export function pruneExchanges(database: Database, before: number): number {
  const { changes } = database.run("DELETE FROM exchanges WHERE started_at < ?", before);
  const day = before - before % DAY_MS;
  const hours = `start < ? AND start % ${DAY_MS} <> 0`;
  const others = KEY_COLUMNS.slice(1).join(", ");
  database.run(
    `INSERT INTO usage (${[...KEY_COLUMNS, ...SUM_COLUMNS].join(", ")})
     SELECT start - start % ${DAY_MS} AS start, ${others},
       ${SUM_COLUMNS.map((column) => `sum(${column})`).join(", ")}
     FROM usage WHERE ${hours} GROUP BY start - start % ${DAY_MS}, ${others}
     ON CONFLICT DO UPDATE SET ${
      SUM_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ")
    }`,
    day,
  );
  database.run(`DELETE FROM usage WHERE ${hours}`, day);
  return changes;
}
