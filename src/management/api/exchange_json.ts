/** The JSON of a recorded exchange, made from the columns that the store keeps. */

import {
  type ColumnKind,
  EXCHANGE_COLUMN_LIST,
  type EXCHANGE_COLUMNS,
  type StoredExchange,
  type StoredValue,
} from "../../storage/exchange_columns.ts";
import type { AttemptRow, ExchangeRow } from "../../storage/store.ts";

/** An attempt in the JSON of an exchange. Null means unknown. */
interface AttemptJson {
  readonly backend: string;
  readonly after_ms: number;
  readonly detail: string | null;
  readonly estimated: {
    readonly input_tokens: number | null;
    readonly output_tokens: number | null;
    readonly cost_micros: number | null;
  } | null;
}

type Columns = typeof EXCHANGE_COLUMNS;
/** The name of a member in JSON; never for a member that the API does not show. */
type NameOf<Column> = Column extends { readonly api: infer Name } ? Name extends string ? Name : never
  : Column extends { readonly column: infer Name extends string } ? Name
  : never;
type JsonOf<Value, Kind> = Kind extends "time" ? string
  : Kind extends "attempts" ? AttemptJson[] | null
  : undefined extends Value ? Exclude<Value, undefined> | null
  : Value;

/** A recorded exchange as the management API shows it. Null means unknown. */
export type ExchangeJson = {
  -readonly [Member in keyof Columns as NameOf<Columns[Member]>]: JsonOf<
    StoredExchange[Member],
    Columns[Member]["kind"]
  >;
};

/** Makes the JSON of an exchange. */
export function exchangeJson(row: ExchangeRow): ExchangeJson {
  const members = EXCHANGE_COLUMN_LIST.flatMap(({ column, kind, api = column, value }) =>
    api === false ? [] : [[api, jsonValue(value(row), kind)]]
  );
  // ExchangeJson is the type of the same table: its names, and the JSON of each kind.
  return Object.fromEntries(members) as ExchangeJson;
}

function jsonValue(value: StoredValue, kind: ColumnKind) {
  if (value === undefined) return null;
  if (kind === "time") return new Date(Number(value)).toISOString();
  return typeof value === "object" ? value.map(attemptJson) : value;
}

function attemptJson({ backend, afterMs, detail, estimated }: AttemptRow): AttemptJson {
  return {
    backend,
    after_ms: afterMs,
    detail: detail ?? null,
    estimated: estimated === undefined ? null : {
      input_tokens: estimated.inputTokens ?? null,
      output_tokens: estimated.outputTokens ?? null,
      cost_micros: estimated.costMicros ?? null,
    },
  };
}
