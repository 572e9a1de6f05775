/** Writes exchanges and their sums to SQLite. */

import type { SQLInputValue } from "node:sqlite";
import { EXCHANGE_COLUMN_LIST, type StoredValue } from "../exchange_columns.ts";
import type { ExchangeRow } from "../store.ts";
import type { Connection } from "./connection.ts";
import { addSpending } from "./spending.ts";

const BUCKETS_PER_DOUBLING = 8;
/** The interval of sums, in milliseconds. */
export const HOUR_MS = 3_600_000;
/** The interval of old sums, in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;

/** How many rows a statement inserts, because each run of a statement costs as much as binding half a row. */
const ROWS_AT_ONCE = 16;
const INSERT_ONE = insertOf(1);
const INSERT_MANY = insertOf(ROWS_AT_ONCE);
const VALUES = EXCHANGE_COLUMN_LIST.map(({ value }) => value);

/** The value that an exchange adds to each column of sums. */
const SUMS = {
  // The request of a settled object has a row already.
  requests: (row) => row.settlement === "settled" ? 0 : 1,
  admitted: (row) => row.admitted ? 1 : 0,
  errors: (row) => isError(row) ? 1 : 0,
  input_tokens: (row) => row.inputTokens ?? 0,
  output_tokens: (row) => row.outputTokens ?? 0,
  cached_tokens: (row) => row.cachedTokens ?? 0,
  cache_write_tokens: (row) => row.cacheWriteTokens ?? 0,
  reasoning_tokens: (row) => row.reasoningTokens ?? 0,
  audio_tokens: (row) => row.audioTokens ?? 0,
  image_tokens: (row) => row.imageTokens ?? 0,
  cost_micros: (row) => row.costMicros ?? 0,
  unpriced: (row) => isUnpriced(row) ? 1 : 0,
  unmetered: (row) => isUnmetered(row) ? 1 : 0,
  estimated: (row) => row.usageSource === "estimated" ? 1 : 0,
  bytes: (row) => row.bytes,
  duration_ms: (row) => row.durationMs,
} as const satisfies Record<string, (row: ExchangeRow) => number>;
// Object.keys gives strings; these are the keys of the constant above.
/** The columns of sums in the table `usage`. */
export const SUM_COLUMNS = Object.keys(SUMS) as (keyof typeof SUMS)[];
const SUM_READERS = Object.values(SUMS);
/** The columns that exchanges are grouped by for sums. */
export const KEY_COLUMNS = ["start", "project_id", "token_id", "principal", "endpoint", "model", "client"];
/** The sums by the hour and by the day. */
const ADD_SUMS = ["usage", "usage_days"].map((table) =>
  `INSERT INTO ${table} (${[...KEY_COLUMNS, ...SUM_COLUMNS].join(", ")})
  VALUES (${[...KEY_COLUMNS, ...SUM_COLUMNS].map(() => "?").join(", ")})
  ON CONFLICT DO UPDATE SET ${
    SUM_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ")
  }`
);
const [ADD_HOUR = "", ADD_DAY = ""] = ADD_SUMS;

const [ADD_FIRST_BYTES_HOUR = "", ADD_FIRST_BYTES_DAY = ""] = ["first_bytes", "first_bytes_days"].map((
  table,
) =>
  `INSERT INTO ${table} (${KEY_COLUMNS.join(", ")}, bucket, requests)
  VALUES (${KEY_COLUMNS.map(() => "?").join(", ")}, ?, ?)
  ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`
);
const ADD_FIRST_BYTES_TOTAL = `INSERT INTO first_bytes_total (start, bucket, requests) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET requests = requests + excluded.requests`;

/** The sums of exchanges with the same values in {@link KEY_COLUMNS}. */
interface Group {
  /** The first millisecond of the hour. */
  readonly start: number;
  /** The values of the other key columns. */
  readonly key: readonly string[];
  readonly sums: Float64Array;
  /** The number of exchanges by {@link firstByteBucket}. */
  readonly firstBytes: Map<number, number>;
}

/**
 * Writes exchanges, their sums, their spending and the counts of their tokens. Call it within a transaction.
 */
export function insertExchanges(database: Connection, rows: Iterable<ExchangeRow>): void {
  const table = new ExchangeTable(database);
  const groups = new Groups();
  const tokens = new Map<string, { count: number; lastUsedAt: number }>();
  for (const row of rows) {
    table.add(row);
    const { sums, firstBytes } = groups.of(row);
    for (let index = 0; index < SUM_READERS.length; index++) {
      sums[index] = (sums[index] ?? 0) + (SUM_READERS[index]?.(row) ?? 0);
    }
    const bucket = firstByteBucket(row);
    if (bucket !== undefined) firstBytes.set(bucket, (firstBytes.get(bucket) ?? 0) + 1);
    countToken(row, tokens);
  }
  table.end();
  addSpending(database, rows);
  for (const group of groups.all()) addGroup(database, group);
  for (const [id, { count, lastUsedAt }] of tokens) {
    database.run(
      `UPDATE tokens SET request_count = request_count + ?, last_used_at = max(coalesce(last_used_at, 0), ?)
       WHERE id = ?`,
      count,
      lastUsedAt,
      id,
    );
  }
}

function insertOf(rows: number): string {
  const row = `(${EXCHANGE_COLUMN_LIST.map(() => "?").join(", ")})`;
  return `INSERT INTO exchanges (${EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ")})
    VALUES ${Array.from({ length: rows }, () => row).join(", ")}`;
}

/** Inserts rows into the table of exchanges, several with one run of a statement. */
class ExchangeTable {
  readonly #database: Connection;
  /** The values of rows that are not inserted yet. One array serves all rows, so that they make less garbage. */
  readonly #values = new Array<SQLInputValue>(VALUES.length * ROWS_AT_ONCE).fill(null);
  #count = 0;

  constructor(database: Connection) {
    this.#database = database;
  }

  /** Adds a row. Its values are read now. */
  add(row: ExchangeRow): void {
    const begin = this.#count * VALUES.length;
    for (let index = 0; index < VALUES.length; index++) {
      this.#values[begin + index] = sqlValue(VALUES[index]?.(row));
    }
    if (++this.#count < ROWS_AT_ONCE) return;
    this.#database.prepared(INSERT_MANY).run(...this.#values);
    this.#count = 0;
  }

  /** Inserts the rows that are left. */
  end(): void {
    const insert = this.#database.prepared(INSERT_ONE);
    for (let row = 0; row < this.#count; row++) {
      insert.run(...this.#values.slice(row * VALUES.length, (row + 1) * VALUES.length));
    }
    this.#count = 0;
  }
}

function addGroup(database: Connection, { start, key, sums, firstBytes }: Group): void {
  const day = start - start % DAY_MS;
  database.run(ADD_HOUR, start, ...key, ...sums);
  database.run(ADD_DAY, day, ...key, ...sums);
  for (const [bucket, requests] of firstBytes) {
    database.run(ADD_FIRST_BYTES_HOUR, start, ...key, bucket, requests);
    database.run(ADD_FIRST_BYTES_DAY, day, ...key, bucket, requests);
    database.run(ADD_FIRST_BYTES_TOTAL, start, bucket, requests);
  }
}

/** The value as SQLite keeps it: a boolean is 0 or 1, and a list is JSON. */
function sqlValue(value: StoredValue): SQLInputValue {
  if (typeof value === "string" || typeof value === "number") return value;
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return JSON.stringify(value);
}

/** The groups of some rows. */
class Groups {
  readonly #byName = new Map<string, Group>();
  #last: Group | undefined;

  /** The groups so far. */
  all(): Iterable<Group> {
    return this.#byName.values();
  }

  /** The group of a row. */
  of(row: ExchangeRow): Group {
    const start = row.startedAt - row.startedAt % HOUR_MS;
    const { projectId = "", tokenId = "", endpoint = "", client } = row;
    // The name of a managed token can change, so its sums have only its id.
    const principal = row.tokenId === undefined ? row.principal : "";
    const model = row.modelAnswered ?? row.modelAsked ?? "";
    const last = this.#last;
    // Most rows belong to the group of the row before.
    if (
      last !== undefined && last.start === start && last.key[0] === projectId && last.key[1] === tokenId &&
      last.key[2] === principal && last.key[3] === endpoint && last.key[4] === model && last.key[5] === client
    ) return last;
    const key = [projectId, tokenId, principal, endpoint, model, client];
    const name = `${start}\0${key.join("\0")}`;
    let group = this.#byName.get(name);
    if (group === undefined) {
      group = { start, key, sums: new Float64Array(SUM_READERS.length), firstBytes: new Map() };
      this.#byName.set(name, group);
    }
    return this.#last = group;
  }
}

/**
 * The bucket of the time to the first byte. Eight buckets for each doubling make an error of 5 % at most. It
 * is `undefined` if the time is unknown, and for an error, whose time says nothing about the model.
 */
function firstByteBucket({ firstByteMs, status }: ExchangeRow): number | undefined {
  if (firstByteMs === undefined || status >= 400) return undefined;
  return Math.round(BUCKETS_PER_DOUBLING * Math.log2(Math.max(1, firstByteMs)));
}

/** The time in milliseconds in the middle of a bucket. */
export function firstByteMsOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_DOUBLING);
}

function countToken(
  { tokenId, admitted, startedAt, settlement }: ExchangeRow,
  tokens: Map<string, { count: number; lastUsedAt: number }>,
): void {
  if (tokenId === undefined || settlement === "settled") return;
  let token = tokens.get(tokenId);
  if (token === undefined) tokens.set(tokenId, token = { count: 0, lastUsedAt: 0 });
  if (admitted) token.count++;
  token.lastUsedAt = Math.max(token.lastUsedAt, startedAt);
}

function isError({ status, ending }: ExchangeRow): boolean {
  return status >= 400 && ending !== "client_gone" || ending !== "complete" && ending !== "client_gone";
}

/** Whether a successful model response had no known usage. */
function isUnmetered({ status, metered, settlement, inputTokens, outputTokens }: ExchangeRow): boolean {
  return status < 400 && settlement !== "awaited" && metered && inputTokens === undefined &&
    outputTokens === undefined;
}

function isUnpriced({ costMicros, costIsPartial, inputTokens, outputTokens }: ExchangeRow): boolean {
  if (costIsPartial) return true;
  return costMicros === undefined && (inputTokens !== undefined || outputTokens !== undefined);
}
