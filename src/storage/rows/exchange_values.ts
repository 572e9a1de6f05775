/** Makes exchanges of their rows. */

import {
  type ColumnKind,
  EXCHANGE_COLUMN_LIST,
  type StoredExchange,
  type StoredValue,
} from "../exchange_columns.ts";
import type { AttemptRow, ExchangeRow } from "../store.ts";
import type { Row } from "./row.ts";

/** Makes an exchange of its row. */
export function exchangeOf(row: Row): ExchangeRow & { id: number } {
  const exchange: Record<string, StoredValue> = {};
  for (const { member, column, kind } of EXCHANGE_COLUMN_LIST) exchange[member] = valueOf(row[column], kind);
  // The type of EXCHANGE_COLUMNS guarantees that each member is there and has the kind of its type. The table
  // guarantees that its column holds a value of that kind.
  return { ...exchange as unknown as StoredExchange, id: Number(row["seq"]) };
}

/** The value of a column; `undefined` for NULL, and for a text that is not one of its list. */
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
      return value === true || value === 1;
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
