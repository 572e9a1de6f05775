/** Reads single exchanges from SQLite. */

import {
  type ColumnKind,
  EXCHANGE_COLUMN_LIST,
  type StoredExchange,
  type StoredValue,
} from "../exchange_columns.ts";
import type { AttemptRow, ExchangeFilter, ExchangeRow, Listed, Page } from "../store.ts";
import { pageOf } from "./pages.ts";
import { commonConditions, conditionsOf } from "./conditions.ts";
import type { Connection, Row } from "./connection.ts";

const SELECT = `SELECT seq, ${EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ")} FROM exchanges`;

/** The exchanges with a request id. Each of the two columns has an index. */
const WITH_REQUEST_ID = `WITH wanted (id) AS (VALUES (?))
  SELECT seq FROM wanted JOIN exchanges ON request_id = id
  UNION ALL SELECT seq FROM wanted JOIN exchanges ON provider_request_id = id`;

/** Lists exchanges, newest first. */
export function listExchanges(
  database: Connection,
  page: Page & ExchangeFilter,
): Listed<ExchangeRow & { id: number }> {
  const { text, values } = conditionsOf([
    ["seq < ?", page.before],
    ["started_at >= ?", page.from],
    ["started_at < ?", page.to],
    ["coalesce(model_answered, model_asked) = ?", page.model],
    ["status = ?", page.status],
    ["ending = ?", page.ending],
    [`seq IN (${WITH_REQUEST_ID})`, page.requestId],
    ...commonConditions(page),
  ]);
  const rows = database.all(
    `${SELECT} ${text} ORDER BY seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return pageOf(rows, page, exchangeOf);
}

function exchangeOf(row: Row): ExchangeRow & { id: number } {
  const exchange: Record<string, StoredValue> = {};
  for (const { member, column, kind } of EXCHANGE_COLUMN_LIST) exchange[member] = valueOf(row[column], kind);
  // The type of EXCHANGE_COLUMNS guarantees that each member is there and has the kind of its type. The
  // STRICT table guarantees that its column holds a value of that kind.
  return { ...exchange as unknown as StoredExchange, id: Number(row["seq"]) };
}

/** The value of a column. Undefined: NULL, or a text that is not one of its list. */
function valueOf(value: unknown, kind: ColumnKind): StoredValue {
  if (value === null) return undefined;
  switch (kind) {
    case "text":
      return String(value);
    case "integer":
    case "real":
    case "time":
      return Number(value);
    case "boolean":
      return value === 1;
    case "attempts":
      return attemptsOf(String(value));
    default:
      return kind.find((one) => one === value);
  }
}

/** The attempts as they were written. JSON has no undefined. */
function attemptsOf(json: string): AttemptRow[] {
  const attempts: (Omit<AttemptRow, "detail"> & { detail?: string })[] = JSON.parse(json);
  return attempts.map(({ backend, afterMs, detail, estimated }) => ({
    backend,
    afterMs,
    detail,
    ...(estimated && { estimated }),
  }));
}
